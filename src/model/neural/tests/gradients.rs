//! Gradients against differences of the loss.

use super::*;

/// How a loss changes with each of some parameters, and how much less or more that is over twice
/// the distance.
fn differences(case: &mut Case, rows: &[u32], which: &[usize], h: f32) -> (Vec<f64>, Vec<f64>) {
    let mut trainer = Trainer::new(&case.network);
    let n = rows.len() as f64;
    let mut at = |case: &mut Case, i: usize, value: f32| {
        *parameters(&mut case.network)[i] = value;
        case.step(&mut trainer, rows, None, None) / n
    };
    let mut both = |&i: &usize| {
        let middle = case.parameters()[i];
        let mut slope = |h: f32| {
            let (low, high) = (middle - h, middle + h);
            let rise = at(case, i, high) - at(case, i, low);
            rise / f64::from(high - low)
        };
        let (near, far) = (slope(h), slope(2.0 * h));
        at(case, i, middle);
        // The error of either is a multiple of the square of its distance (Richardson).
        ((4.0 * near - far) / 3.0, near - far)
    };
    which.iter().map(&mut both).unzip()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().map(f64::abs).fold(0.0, f64::max)
}

/// Checks all gradients of a smooth loss.
#[track_caller]
fn check(new: impl Fn(u64) -> Case) {
    for seed in 0..2 {
        let mut case = new(seed);
        let rows = case.all_rows();
        let which: Vec<usize> = (0..case.parameters().len()).collect();
        let (slopes, _) = differences(&mut case, &rows, &which, 0.004);
        compare(&case.gradients(&rows), &slopes);
    }
}

/// Checks all gradients of a loss that is quadratic but for kinks: of the first case of which none
/// is near.
#[track_caller]
fn check_between_kinks(new: impl Fn(u64) -> Case) {
    let mut tries = (0..200).map(|seed| {
        let mut case = new(seed);
        let rows = case.all_rows();
        let which: Vec<usize> = (0..case.parameters().len()).collect();
        let (slopes, bends) = differences(&mut case, &rows, &which, 0.004);
        let is_smooth = largest(&bends) < 1e-4 * largest(&slopes);
        is_smooth.then(|| (case.gradients(&rows), slopes))
    });
    let found = tries.find_map(|found| found);
    let (gradients, slopes) = found.expect("a case without a kink");
    compare(&gradients, &slopes);
}

#[track_caller]
fn compare(gradients: &[f32], slopes: &[f64]) {
    assert_eq!(gradients.len(), slopes.len());
    let scale = largest(slopes);
    assert!(scale > 1e-3, "nothing to learn");
    for (i, (&gradient, &slope)) in gradients.iter().zip(slopes).enumerate() {
        let error = (f64::from(gradient) - slope).abs() / scale;
        assert!(
            error < 2e-4,
            "parameter {i}: {gradient}, not {slope} (of up to {scale})"
        );
    }
}

const SMOOTH: [Activation; 3] = [Activation::Tanh, Activation::Sigmoid, Activation::Gelu];

#[test]
fn of_a_linear_model() {
    let architecture = Architecture {
        hidden: &[],
        ..plain()
    };
    check(|seed| Case::new(&architecture, Head::Binary, 9, seed));
    check(|seed| Case::new(&architecture, VALUE, 9, seed));
    let softmax = Architecture {
        n_outputs: 3,
        ..architecture
    };
    check(|seed| Case::new(&softmax, Head::Classes(3), 9, seed));
}

#[test]
fn of_each_activation() {
    for activation in SMOOTH {
        let architecture = Architecture {
            hidden: &[4, 3],
            activation,
            ..plain()
        };
        check(|seed| Case::new(&architecture, VALUE, 9, seed));
    }
    let architecture = Architecture {
        hidden: &[4, 3],
        activation: Activation::Relu,
        ..plain()
    };
    check_between_kinks(|seed| Case::new(&architecture, VALUE, 4, seed));
}

#[test]
fn of_each_loss() {
    for (head, n_outputs) in [(Head::Binary, 1), (Head::Classes(3), 3), (VALUE, 1)] {
        let architecture = Architecture {
            n_outputs,
            ..plain()
        };
        check(|seed| Case::new(&architecture, head, 9, seed));
        check(|seed| {
            let mut case = Case::new(&architecture, head, 9, seed);
            case.noise.label_smoothing = 0.3;
            case
        });
    }
}

#[test]
fn of_weighted_rows() {
    check(|seed| {
        let mut case = Case::new(&plain(), Head::Binary, 9, seed);
        for (row, weight) in case.data.weights.iter_mut().enumerate() {
            *weight = [0.0, 0.5, 3.0][row % 3];
        }
        case
    });
}

#[test]
fn of_normalized_layers() {
    for activation in SMOOTH {
        let architecture = Architecture {
            hidden: &[4, 3],
            activation,
            normalization: Normalization::Batch,
            ..plain()
        };
        check(|seed| {
            let mut case = Case::new(&architecture, VALUE, 11, seed);
            for (i, norm) in case.network.norms.iter_mut().enumerate() {
                norm.gamma[1] = 0.6 + i as f32;
                norm.beta[0] = -0.4;
            }
            case
        });
    }
}

#[test]
fn of_levels() {
    for head in [Head::Binary, VALUE] {
        for hidden in [&[][..], &[4]] {
            let architecture = Architecture {
                tables: &[levels(4, 2), levels(9, 3), levels(1, 1)],
                hidden,
                ..plain()
            };
            check(|seed| Case::new(&architecture, head, 12, seed));
        }
    }
}

#[test]
fn of_levels_alone() {
    let architecture = Architecture {
        tables: &[levels(4, 2), levels(3, 1)],
        n_numbers: 0,
        n_scaled: 0,
        ..plain()
    };
    check(|seed| Case::new(&architecture, Head::Binary, 12, seed));
}

#[test]
fn of_levels_that_are_dropped() {
    let architecture = Architecture {
        tables: &[levels(4, 2), levels(5, 2)],
        ..plain()
    };
    let new = |seed, level_dropout| {
        let mut case = Case::new(&architecture, VALUE, 12, seed);
        case.noise.level_dropout = level_dropout;
        case
    };
    check(|seed| new(seed, 0.4));
    let rows: Vec<u32> = (0..12).collect();
    assert_ne!(new(1, 0.4).gradients(&rows), new(1, 0.0).gradients(&rows));
    // All that is left is the unknown level, the first row of each table.
    let gradients = new(1, 1.0).gradients(&rows);
    let is_moved = |range: std::ops::Range<usize>| gradients[range].iter().any(|&g| g != 0.0);
    let second = 4 * 2 + 2 * 5;
    assert!(is_moved(0..2) && is_moved(second..second + 2));
    assert!(!is_moved(2..8) && !is_moved(second + 2..second + 10));
}

#[test]
fn of_knots() {
    for hidden in [&[][..], &[4]] {
        let architecture = Architecture {
            // One of a single knot, as for a constant, and a table of levels between.
            tables: &[knots(4, 2), levels(3, 2), knots(1, 2), knots(7, 1)],
            n_numbers: 0,
            n_scaled: 0,
            hidden,
            ..plain()
        };
        check(|seed| Case::new(&architecture, VALUE, 20, seed));
    }
}

const WAVES: NumericEmbedding = NumericEmbedding::Periodic {
    n_frequencies: 2,
    sigma: 0.2,
    size: 2,
};

/// The first case in which no unit of an embedding is near its kink, while some are on either side
/// of it.
fn between_kinks(new: impl Fn(u64) -> Case) -> impl Fn(u64) -> Case {
    let is_clear = |case: &Case| {
        let network = &case.network;
        let inputs = &case.data.inputs;
        let mut sums = Vec::new();
        for row in inputs.numbers.chunks(inputs.numbers.len() / inputs.n_rows) {
            for (periodic, &x) in network.periodic.iter().zip(row) {
                for unit in 0..2 {
                    let mut sum = periodic.bias[unit];
                    for (k, c) in periodic.frequencies.iter().enumerate() {
                        let (sin, cos) = (std::f32::consts::TAU * c * x).sin_cos();
                        sum += cos * periodic.weights[2 * k + unit];
                        sum += sin * periodic.weights[2 * (k + 2) + unit];
                    }
                    sums.push(sum);
                }
            }
        }
        let n_live = sums.iter().filter(|&&sum| sum > 0.0).count();
        sums.iter().all(|sum| sum.abs() > 0.15) && 0 < n_live && n_live < sums.len()
    };
    move |seed| {
        let mut cases = (1_000 * seed..).map(&new);
        cases.find(is_clear).expect("a case without a kink")
    }
}

#[test]
fn of_waves() {
    let architecture = Architecture {
        numeric: WAVES,
        // One mark of a missing number, and a table.
        n_numbers: 3,
        n_scaled: 2,
        tables: &[levels(3, 2)],
        hidden: &[3],
        ..plain()
    };
    check(between_kinks(|seed| {
        Case::new(&architecture, VALUE, 3, seed)
    }));
}

#[test]
fn of_members() {
    for (normalization, activation) in [
        (Normalization::None, Activation::Tanh),
        (Normalization::Batch, Activation::Gelu),
        (Normalization::None, Activation::Relu),
    ] {
        for hidden in [&[3][..], &[3, 2]] {
            let architecture = Architecture {
                tables: &[levels(3, 2), knots(3, 1)],
                hidden,
                n_outputs: if activation == Activation::Relu { 1 } else { 3 },
                n_members: 3,
                normalization,
                activation,
                ..plain()
            };
            let new = |head, n_rows, seed| {
                let mut case = Case::new(&architecture, head, n_rows, seed);
                for (i, factor) in case.network.factors.iter_mut().enumerate() {
                    *factor *= 0.7 + 0.1 * i as f32;
                }
                case
            };
            if activation == Activation::Relu {
                check_between_kinks(|seed| new(VALUE, 3, seed));
            } else {
                check(|seed| new(Head::Classes(3), 7, seed));
            }
        }
    }
}

#[test]
fn of_members_with_waves() {
    let architecture = Architecture {
        numeric: WAVES,
        n_numbers: 1,
        n_scaled: 1,
        hidden: &[3],
        n_members: 2,
        ..plain()
    };
    check(between_kinks(|seed| {
        Case::new(&architecture, Head::Binary, 4, seed)
    }));
}

/// The same seed drops the same units.
#[test]
fn of_dropped_units() {
    let activations = SMOOTH.into_iter().chain([Activation::Relu]);
    for activation in activations {
        for n_members in [1, 2] {
            let architecture = Architecture {
                hidden: &[6, 5],
                activation,
                n_members,
                ..plain()
            };
            let new = |seed| {
                let mut case = Case::new(&architecture, VALUE, 4, seed);
                case.noise.dropout = 0.4;
                case
            };
            if activation == Activation::Relu {
                check_between_kinks(new);
            } else {
                check(new);
            }
            let mut quiet = new(1);
            quiet.noise = QUIET;
            let rows = quiet.all_rows();
            assert_ne!(quiet.gradients(&rows), new(1).gradients(&rows));
        }
    }
}

/// More rows than go together, and more inputs than are summed together.
#[test]
fn of_several_chunks_and_blocks() {
    for (n_members, normalization) in [
        (1, Normalization::None),
        (1, Normalization::Batch),
        (2, Normalization::None),
    ] {
        let architecture = Architecture {
            tables: &[levels(40, 3), knots(5, 2)],
            n_numbers: 150,
            n_scaled: 150,
            hidden: &[80, 3],
            n_members,
            normalization,
            ..plain()
        };
        let mut case = Case::new(&architecture, Head::Binary, 300, 3);
        case.noise.dropout = 0.2;
        let rows = case.all_rows();
        let which: Vec<usize> = (0..case.parameters().len()).step_by(331).collect();
        let (slopes, _) = differences(&mut case, &rows, &which, 0.004);
        let gradients = case.gradients(&rows);
        let some: Vec<f32> = which.iter().map(|&i| gradients[i]).collect();
        compare(&some, &slopes);
    }
}

/// Nothing is left of the batch before, which was longer and had other levels.
#[test]
fn do_not_depend_on_the_batch_before() {
    let architectures = [
        Architecture {
            tables: &[levels(30, 3), knots(5, 2)],
            n_members: 2,
            normalization: Normalization::Batch,
            ..plain()
        },
        Architecture {
            tables: &[levels(30, 3), knots(5, 2)],
            numeric: WAVES,
            hidden: &[4, 3],
            ..plain()
        },
    ];
    for architecture in &architectures {
        let mut case = Case::new(architecture, Head::Binary, 300, 5);
        case.noise.dropout = 0.2;
        case.noise.level_dropout = 0.1;
        let (long, short): (Vec<u32>, Vec<u32>) = ((0..290).collect(), (280..300).rev().collect());
        let mut trainer = Trainer::new(&case.network);
        case.step(&mut trainer, &long, None, None);
        case.step(&mut trainer, &short, None, None);
        let after = trainer.gradients(&case.network);
        assert_eq!(after, case.gradients(&short));
        case.step(&mut trainer, &long, None, None);
        assert_eq!(trainer.gradients(&case.network), case.gradients(&long));
    }
}

/// A row of weight 2 is two rows of weight 1, but for what the sum is divided by.
#[test]
fn of_a_row_of_weight_two() {
    let architecture = Architecture {
        tables: &[levels(4, 2), knots(5, 2)],
        n_members: 2,
        ..plain()
    };
    let new = || Case::new(&architecture, Head::Binary, 9, 2);
    let twice = new().gradients(&[0, 1, 2, 2, 3, 4, 5, 6, 7, 8]);
    let mut weighted = new();
    weighted.data.weights[2] = 2.0;
    let weighted = weighted.gradients(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (&twice, &weighted) in twice.iter().zip(&weighted) {
        assert!(
            (10.0 * twice - 9.0 * weighted).abs() < 1e-5,
            "{twice} {weighted}"
        );
    }
}

/// The order of a batch's rows, and how they are cut in chunks, change no more than the last bits.
#[test]
fn of_rows_in_another_order() {
    let architecture = Architecture {
        tables: &[levels(12, 2), knots(5, 2)],
        normalization: Normalization::Batch,
        ..plain()
    };
    let mut case = Case::new(&architecture, Head::Binary, 300, 2);
    let mut rows = case.all_rows();
    let gradients = case.gradients(&rows);
    rows.reverse();
    for (a, b) in gradients.iter().zip(case.gradients(&rows)) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}
