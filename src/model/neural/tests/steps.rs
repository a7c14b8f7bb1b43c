//! Steps of optimizers against ones computed by hand, or in another way.

use super::*;
use crate::model::neural::{Optimizer, Schedule};

/// `score = w x + b` with `x = 2`, `y = 1`, `w = 0.5` and `b = 0.25`: the score is 1.25, and the
/// gradients of its squared error are 1 for `w` and 0.5 for `b`.
fn line() -> Case {
    let architecture = Architecture {
        n_numbers: 1,
        n_scaled: 1,
        hidden: &[],
        ..plain()
    };
    let mut case = Case::new(&architecture, VALUE, 1, 0);
    case.data.inputs.numbers = vec![2.0];
    case.data.y = vec![1.0];
    case.network.layers[0].weights = vec![0.5];
    case.network.layers[0].bias = vec![0.25];
    case
}

/// Where two steps at a rate of 0.1 lead.
#[track_caller]
fn check(optimizer: Optimizer, weight_decay: f64, expected: [[f32; 2]; 2]) {
    let mut case = line();
    assert_eq!(case.gradients(&[0]), [1.0, 0.5]);
    let mut trainer = Trainer::new(&case.network);
    for (number, expected) in (1..).zip(expected) {
        let step = Step::new(optimizer, number, 0.1, weight_decay);
        case.step(&mut trainer, &[0], Some(step), None);
        for (found, expected) in case.parameters().into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{optimizer:?}, step {number}: {found}, not {expected}"
            );
        }
    }
}

/// The second gradients are -0.2 and -0.1, so that for `w` the moments are `0.9 * 0.1 - 0.02 =
/// 0.07` and `0.999 * 0.001 + 0.001 * 0.04 = 0.001039`; divided by `1 - 0.9²` and `1 - 0.999²` they
/// are 0.3684211 and 0.5197599, and the step is `0.1 * 0.3684211 / 0.7209437`.
#[test]
fn of_adam() {
    let expected = [[0.4, 0.15], [0.348_897_3, 0.098_897_3]];
    check(Optimizer::adam(), 0.0, expected);
    check(Optimizer::adamw(), 0.0, expected);
}

/// The first step of a gradient of any size is the rate. After it the score is 0.95, and the second
/// gradients are `-0.2 + 0.5 * 0.4 = 0` and -0.1; the second step of `w` is `0.1 * (0.9 * 0.125 /
/// 0.19) / sqrt(0.999 * 0.0015625 / 0.001999)`.
#[test]
fn of_adam_with_decay() {
    let w = 0.4 - 0.1 * (0.9 * 0.125 / 0.19) / (0.999_f32 * 0.001_562_5 / 0.001_999).sqrt();
    check(Optimizer::adam(), 0.5, [[0.4, 0.15], [w, 0.098_897_3]]);
}

/// `w = 0.5 (1 - 0.1 * 0.5) - 0.1`; then the score is 0.9, the gradients are -0.4 and -0.2, and
/// the moments of `w` are 0.05 and 0.001159.
#[test]
fn of_adamw_with_decay() {
    let step = 0.1 * (0.05 / 0.19) / (0.001_159_f32 / 0.001_999).sqrt();
    let second = [0.375 * 0.95 - step, 0.15 - step];
    check(Optimizer::adamw(), 0.5, [[0.375, 0.15], second]);
}

/// Gradients with decay are 1.25 and 0.5, then -0.0125 and -0.1; what is kept of the steps makes
/// them 1.1125 and 0.35.
#[test]
fn of_gradient_descent() {
    let expected = [[0.375, 0.2], [0.263_75, 0.165]];
    check(Optimizer::sgd(0.9), 0.5, expected);
    check(Optimizer::sgd(0.0), 0.0, [[0.4, 0.2], [0.4, 0.2]]);
}

/// A network that has everything.
fn everything() -> Architecture<'static> {
    const TABLES: &[TableShape] = &[levels(6, 2), knots(4, 2)];
    Architecture {
        tables: TABLES,
        numeric: NumericEmbedding::Periodic {
            n_frequencies: 2,
            sigma: 0.2,
            size: 3,
        },
        n_numbers: 3,
        n_scaled: 2,
        hidden: &[5, 4],
        n_members: 2,
        normalization: Normalization::Batch,
        ..plain()
    }
}

/// By parameter: whether it decays (weights and vectors do).
fn decays(network: &Network) -> Vec<bool> {
    let mut all = Vec::new();
    let mut push = |n: usize, decays: bool| all.extend(std::iter::repeat_n(decays, n));
    for table in &network.tables {
        push(table.vectors.len() + table.weights.len(), true);
    }
    for layer in &network.layers {
        push(layer.weights.len(), true);
        push(layer.bias.len(), false);
    }
    for norm in &network.norms {
        push(norm.beta.len() + norm.gamma.len(), false);
    }
    push(network.factors.len(), false);
    for periodic in &network.periodic {
        push(periodic.frequencies.len(), false);
        push(periodic.weights.len(), true);
        push(periodic.bias.len(), false);
    }
    all
}

/// Adam, as its paper writes it, of one parameter.
#[derive(Default, Clone)]
struct Adam {
    first: f64,
    second: f64,
}

impl Adam {
    fn step(&mut self, gradient: f64, number: i32) -> f64 {
        self.first = 0.9 * self.first + 0.1 * gradient;
        self.second = 0.999 * self.second + 0.001 * gradient * gradient;
        let first = self.first / (1.0 - 0.9_f64.powi(number));
        let second = self.second / (1.0 - 0.999_f64.powi(number));
        first / (second.sqrt() + 1e-8)
    }
}

/// All kinds of parameters take the same kind of step; level 5 is not in the batch, and stays.
#[test]
fn of_all_parameters() {
    const RATE: f64 = 0.01;
    const DECAY: f64 = 0.3;
    let mut case = Case::new(&everything(), Head::Binary, 20, 1);
    if let Lookup::Rows(rows) = &mut case.data.inputs.lookups[0] {
        for row in rows {
            *row %= 5;
        }
    }
    let rows = case.all_rows();
    let decays = decays(&case.network);
    let mut expected: Vec<f64> = case.parameters().into_iter().map(f64::from).collect();
    let mut moments = vec![Adam::default(); expected.len()];
    let mut trainer = Trainer::new(&case.network);
    for number in 1..=3 {
        let gradients = case.gradients(&rows);
        let step = Step::new(Optimizer::adamw(), number, RATE, DECAY);
        case.step(&mut trainer, &rows, Some(step), None);
        for (i, expected) in expected.iter_mut().enumerate() {
            if (5 * 2..6 * 2).contains(&i) {
                continue;
            }
            if decays[i] {
                *expected -= RATE * DECAY * *expected;
            }
            *expected -= RATE * moments[i].step(f64::from(gradients[i]), number as i32);
        }
        for (i, (found, &expected)) in case.parameters().into_iter().zip(&expected).enumerate() {
            let error = (f64::from(found) - expected).abs();
            assert!(
                error < 2e-6,
                "step {number}, parameter {i}: {found}, not {expected}"
            );
        }
    }
}

/// Neither the rate, nor the decay, nor a moment moves the vector of a level that is not there.
#[test]
fn leave_levels_of_other_batches() {
    let architecture = Architecture {
        tables: &[levels(4, 2)],
        ..plain()
    };
    for optimizer in [Optimizer::adam(), Optimizer::adamw(), Optimizer::sgd(0.9)] {
        let mut case = Case::new(&architecture, Head::Binary, 4, 1);
        case.data.inputs.lookups[0] = Lookup::Rows(vec![1, 2, 1, 3]);
        let mut trainer = Trainer::new(&case.network);
        let mut step = |case: &mut Case, number, rows: &[u32]| {
            let before = case.network.tables[0].vectors.clone();
            let step = Step::new(optimizer, number, 0.1, 0.1);
            case.step(&mut trainer, rows, Some(step), None);
            let after = case.network.tables[0].vectors.clone();
            let pairs = before.chunks(2).zip(after.chunks(2));
            pairs.map(|(a, b)| a != b).collect::<Vec<bool>>()
        };
        assert_eq!(step(&mut case, 1, &[0, 1, 2]), [false, true, true, false]);
        assert_eq!(step(&mut case, 2, &[2]), [false, true, false, false]);
        assert_eq!(step(&mut case, 3, &[3, 0]), [false, true, false, true]);
    }
}

/// A step of gradient descent at a rate of 1 is the gradient itself.
#[test]
fn are_cut_to_a_length() {
    let mut case = Case::new(&everything(), Head::Binary, 20, 1);
    let rows = case.all_rows();
    let start = case.parameters();
    let network = case.network.clone();
    let gradients = case.gradients(&rows);
    let length = |values: &[f32]| {
        values
            .iter()
            .map(|&g| f64::from(g).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let whole = length(&gradients);
    assert!(whole > 0.1);
    let mut moved = |max_norm: Option<f64>| {
        case.network.clone_from(&network);
        let mut trainer = Trainer::new(&case.network);
        let step = Step::new(Optimizer::sgd(0.0), 1, 1.0, 0.0);
        case.step(&mut trainer, &rows, Some(step), max_norm);
        let moved = start.iter().zip(case.parameters()).map(|(a, b)| a - b);
        moved.collect::<Vec<f32>>()
    };
    assert_eq!(moved(None), moved(Some(1.01 * whole)));
    let (free, cut) = (moved(None), moved(Some(0.05)));
    assert!((length(&free) / whole - 1.0).abs() < 1e-5);
    assert!((length(&cut) - 0.05).abs() < 1e-5);
    for (free, cut) in free.iter().zip(&cut) {
        assert!((f64::from(*free) * 0.05 / whole - f64::from(*cut)).abs() < 1e-6);
    }
}

#[test]
fn follow_schedules() {
    let all = |schedule: Schedule| -> Vec<f64> {
        (0..40).map(|step| schedule.factor(step, 10, 4)).collect()
    };
    assert_eq!(all(Schedule::Constant), [1.0; 40]);
    let every_three = all(Schedule::Step {
        every: 3,
        factor: 0.1,
    });
    assert_eq!(
        (every_three[0], every_three[29], every_three[30]),
        (1.0, 1.0, 0.1)
    );
    let cosine = all(Schedule::Cosine);
    for (step, &factor) in cosine.iter().enumerate() {
        let expected = 0.5 + 0.5 * (std::f64::consts::PI * step as f64 / 40.0).cos();
        assert!((factor - expected).abs() < 1e-12, "step {step}: {factor}");
    }
    let cycle = all(Schedule::OneCycle { warm_up: 0.25 });
    let top = (0..40)
        .max_by(|&a, &b| cycle[a].total_cmp(&cycle[b]))
        .unwrap();
    assert_eq!((top, cycle[top]), (10, 1.0));
    assert_eq!(cycle[0], 0.04);
    // Halfway up.
    assert!((cycle[5] - 0.52).abs() < 1e-12, "{}", cycle[5]);
    let half_cosine = |from: f64, to: f64, share: f64| {
        from + (to - from) * 0.5 * (1.0 - (std::f64::consts::PI * share).cos())
    };
    for (step, &factor) in cycle.iter().enumerate() {
        let expected = if step < 10 {
            half_cosine(0.04, 1.0, step as f64 / 10.0)
        } else {
            half_cosine(1.0, 4e-6, (step - 10) as f64 / 30.0)
        };
        assert!((factor - expected).abs() < 1e-12, "step {step}: {factor}");
    }
    let end = Schedule::OneCycle { warm_up: 0.25 }.factor(40, 10, 4);
    assert!((end - 4e-6).abs() < 1e-12, "{end}");
    // As many epochs as there can be.
    for schedule in [Schedule::Cosine, Schedule::OneCycle { warm_up: 0.25 }] {
        let start = schedule.factor(0, 10, 4);
        assert!((schedule.factor(10, 10, usize::MAX) - start).abs() < 1e-12);
    }
    // Steps after the last are no error.
    assert!(Schedule::Cosine.factor(99, 10, 4).abs() < 1e-12);
}
