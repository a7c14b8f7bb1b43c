//! One step of parameters along their gradients.

use super::options::Optimizer;

/// The gradients of parameters, and the moments that the optimizer keeps of them.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl State {
    pub(super) fn new(n: usize) -> Self {
        Self {
            gradient: vec![0.0; n],
            first: vec![0.0; n],
            second: vec![0.0; n],
        }
    }

    /// The parameters with their state.
    pub(super) fn block<'a>(&'a mut self, values: &'a mut [f32]) -> Block<'a> {
        Block {
            values,
            gradient: &mut self.gradient,
            first: &mut self.first,
            second: &mut self.second,
        }
    }

    /// The parameters of some rows of a table, whose gradients are given.
    pub(super) fn row<'a>(
        &'a mut self,
        row: usize,
        values: &'a mut [f32],
        gradient: &'a mut [f32],
    ) -> Block<'a> {
        let range = row * gradient.len()..(row + 1) * gradient.len();
        Block {
            values: &mut values[range.clone()],
            gradient,
            first: &mut self.first[range.clone()],
            second: &mut self.second[range],
        }
    }
}

/// Some parameters, their gradients and moments.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) values: &'a mut [f32],
    pub(super) gradient: &'a mut [f32],
    pub(super) first: &'a mut [f32],
    pub(super) second: &'a mut [f32],
}

impl Block<'_> {
    /// Takes the first so many parameters off.
    pub(super) fn split_off(&mut self, n: usize) -> Self {
        let Self {
            values,
            gradient,
            first,
            second,
        } = std::mem::take(self);
        let (values, gradient) = (values.split_at_mut(n), gradient.split_at_mut(n));
        let (first, second) = (first.split_at_mut(n), second.split_at_mut(n));
        *self = Self {
            values: values.1,
            gradient: gradient.1,
            first: first.1,
            second: second.1,
        };
        Self {
            values: values.0,
            gradient: gradient.0,
            first: first.0,
            second: second.0,
        }
    }
}

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    rule: Rule,
    rate: f32,
    weight_decay: f32,
    /// What gradients are multiplied by first: below 1 if they are clipped.
    pub(super) factor: f32,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    Adam {
        beta1: f32,
        beta2: f32,
        epsilon: f32,
        /// What moments are divided by, as they start at 0.
        correction1: f32,
        correction2: f32,
        is_decoupled: bool,
    },
    Sgd {
        momentum: f32,
    },
}

impl Step {
    /// The step of the given number, counted from 1.
    #[allow(clippy::cast_possible_truncation, reason = "parameters have 32 bits")]
    pub(super) fn new(optimizer: Optimizer, number: u64, rate: f64, weight_decay: f64) -> Self {
        let adam = |beta1: f64, beta2: f64, epsilon: f64, is_decoupled| {
            let correction = |beta: f64| (1.0 - beta.powf(number as f64)) as f32;
            Rule::Adam {
                beta1: beta1 as f32,
                beta2: beta2 as f32,
                epsilon: epsilon as f32,
                correction1: correction(beta1),
                correction2: correction(beta2),
                is_decoupled,
            }
        };
        let rule = match optimizer {
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
            } => adam(beta1, beta2, epsilon, false),
            Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
            } => adam(beta1, beta2, epsilon, true),
            Optimizer::Sgd { momentum } => Rule::Sgd {
                momentum: momentum as f32,
            },
        };
        Self {
            rule,
            rate: rate as f32,
            weight_decay: weight_decay as f32,
            factor: 1.0,
        }
    }

    /// The same step for parameters that do not decay.
    pub(super) fn without_decay(self) -> Self {
        Self {
            weight_decay: 0.0,
            ..self
        }
    }

    /// Moves the parameters.
    pub(super) fn apply(self, block: Block<'_>) {
        let Block {
            values,
            gradient,
            first,
            second,
        } = block;
        let n = values.len();
        let (gradient, first, second) = (&gradient[..n], &mut first[..n], &mut second[..n]);
        let decay = self.weight_decay;
        match self.rule {
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
                correction1,
                correction2,
                is_decoupled,
            } => {
                let (added, kept) = if is_decoupled {
                    (0.0, 1.0 - self.rate * decay)
                } else {
                    (decay, 1.0)
                };
                let rate = self.rate / correction1;
                let root = correction2.sqrt().recip();
                for i in 0..n {
                    let g = gradient[i] * self.factor + added * values[i];
                    first[i] = beta1 * first[i] + (1.0 - beta1) * g;
                    second[i] = beta2 * second[i] + (1.0 - beta2) * g * g;
                    let size = second[i].sqrt() * root + epsilon;
                    values[i] = values[i] * kept - rate * first[i] / size;
                }
            }
            Rule::Sgd { momentum } => {
                for i in 0..n {
                    let g = gradient[i] * self.factor + decay * values[i];
                    first[i] = momentum * first[i] + g;
                    values[i] -= self.rate * first[i];
                }
            }
        }
    }
}
