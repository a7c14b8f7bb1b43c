//! Support vector machine with probabilities.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_svm::Svm;
use ndarray016::{Array1, ArrayView1};

use super::matrix::columns;
use super::platt::Platt;
use crate::data::{Features, FitContext, InSample, Labels, OutOfSample, Provenance};
use crate::error::{Error, Result};
use crate::folds::{deal_groups, deal_rows};
use crate::model::adapter::limits::{DEFAULT_MAX_BYTES, check_memory};
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, OutputModel, Training, all_equal, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{above_zero, options, or_none};
use crate::parallel;

/// How a [`SupportVectorMachine`] compares two rows.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Kernel {
    /// The inner product.
    Linear,
    /// `exp(-gamma * |x - y|^2)`, `gamma` being one over the number of features that vary.
    Gaussian,
    /// `exp(-gamma * |x - y|^2)` with the given `gamma`.
    GaussianWith {
        /// The factor, above 0.
        gamma: f64,
    },
}

/// A support vector machine for two classes or more (linfa's, by sequential minimal
/// optimisation), with probabilities.
///
/// Features are standardised first (mean 0, deviation 1; constant ones are left out). A machine
/// gives a margin; [Platt's scale](https://en.wikipedia.org/wiki/Platt_scaling)
/// `1 / (1 + exp(-(a * margin + b)))` makes a probability of it. `a` and `b` are fitted to margins
/// of rows that the machine was not fitted on: the training rows are dealt to
/// [`SupportVectorMachine::with_n_folds`] folds, stratified, whole groups if there are groups. For
/// more than two classes there is one machine a class against all others, and probabilities are
/// divided by their sum.
///
/// Missing values are an error that names the feature. It takes no weights.
///
/// Cost: `8 n^2` bytes for the kernel, between `n^2` and `n^3` in time, for all rows once
/// and for all but a fold once a fold: the rows are a
/// seeded stratified sample of at most [`SupportVectorMachine::with_max_rows`], and a kernel above
/// the memory limit is refused.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::SupportVectorMachine;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..60).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 60, values)?;
/// let codes: Vec<u32> = (0..60).map(|i| u32::from((20..40).contains(&i))).collect();
/// let y = Labels::new(codes, vec!["outside".into(), "inside".into()])?;
/// let model = SupportVectorMachine::new();
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!(prediction.positive()[30] > 0.8 && prediction.positive()[5] < 0.2);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportVectorMachine {
    kernel: Kernel,
    c: f64,
    tolerance: f64,
    n_folds: usize,
    #[serde(with = "or_none")]
    max_rows: Option<usize>,
    max_bytes: u64,
}

impl Default for SupportVectorMachine {
    fn default() -> Self {
        Self {
            kernel: Kernel::Gaussian,
            c: 1.0,
            tolerance: 1e-3,
            n_folds: 3,
            max_rows: Some(5_000),
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl SupportVectorMachine {
    /// A machine with a Gaussian kernel and `c` of 1, on at most 5,000 rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How two rows are compared; [`Kernel::Gaussian`] by default.
        with_kernel(kernel: Kernel);
        /// The price of a row on the wrong side of its margin; 1 by default.
        with_c(c: f64);
        /// By how much the gradients of the worst pair of rows may differ at the end; 0.001 by
        /// default (linfa's own, 1e-7, takes many times as long).
        with_tolerance(tolerance: f64);
        /// How many folds give the margins that the probabilities are fitted to, 2 or more; 3 by
        /// default.
        with_n_folds(n_folds: usize);
        /// The most rows to fit on, a seeded stratified sample of them; 5,000 by default, `None`
        /// for all.
        with_max_rows(max_rows: Option<usize>);
        /// How many bytes the kernel may take; 8 GiB by default.
        with_max_bytes(max_bytes: u64);
    }
}

impl Estimator<Labels> for SupportVectorMachine {
    type Fitted = Fitted<Labels, FittedSupportVectorMachine>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        const BYTES: u32 = 8;
        above_zero("c", self.c)?;
        above_zero("tolerance", self.tolerance)?;
        if let Kernel::GaussianWith { gamma } = self.kernel {
            above_zero("gamma", gamma)?;
        }
        if self.n_folds < 2 {
            return Err(Error::parameter("n_folds", "2 or more", self.n_folds));
        }
        let training = Training::new(features, target, context)?
            .unweighted("linfa's support vector machine")?
            .at_most(self.max_rows)?;
        let n = training.n_rows() as u128;
        check_memory(
            &format!("the kernel of linfa's support vector machine on {n} rows"),
            n * n,
            BYTES,
            self.max_bytes,
        )?;
        if training.is_constant() {
            return Ok(training.finish(target, None));
        }
        let machines = parallel::map(training.varying(), |_, k| {
            Ok((k, self.fit_output(&training, k)?))
        });
        let machines = machines.into_iter().collect::<Result<Vec<_>>>()?;
        let n_outputs = training.outputs.len();
        Ok(training.finish(
            target,
            Some(FittedSupportVectorMachine {
                machines,
                n_outputs,
            }),
        ))
    }

    /// The kernel of the sampled rows, their features and copies of these; as many folds at once as
    /// there are threads.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        let n_rows = n_rows.min(self.max_rows.unwrap_or(n_rows));
        let at_once = rayon::current_num_threads() as u64;
        let fit = bytes(n_rows, n_rows, 8).saturating_add(bytes(n_rows, n_features, 16));
        fit.saturating_mul(at_once)
    }
}

impl SupportVectorMachine {
    fn fit_output(&self, training: &Training, output: usize) -> Result<Calibrated> {
        let positive: Vec<bool> = training.outputs[output].iter().map(|&v| v > 0.5).collect();
        let machine = Machine::fit(self, &training.features, &positive)?;
        let (rows, margins) = self.out_of_fold(training, &positive)?;
        let known: Vec<bool> = rows.iter().map(|&row| positive[row as usize]).collect();
        Ok(Calibrated {
            machine,
            scale: Platt::fit(&margins, &known),
        })
    }

    /// Rows, and margins of machines that were not fitted on them. Folds without which only one
    /// class is left have none.
    fn out_of_fold(&self, training: &Training, positive: &[bool]) -> Result<(Vec<u32>, Vec<f64>)> {
        let seed = training.seed.child("platt");
        let strata: Vec<u32> = positive.iter().map(|&y| u32::from(y)).collect();
        let folds = match &training.groups {
            Some(groups) => {
                let mut distinct = groups.clone();
                distinct.sort_unstable();
                distinct.dedup();
                match self.n_folds.min(distinct.len()) {
                    0 | 1 => return Ok((Vec::new(), Vec::new())),
                    n_folds => deal_groups(&strata, groups, n_folds, seed)?,
                }
            }
            None => deal_rows(&strata, self.n_folds.min(positive.len()), seed)?,
        };
        let parts = parallel::map(0..folds.n_folds(), |_, fold| {
            let train = folds.train(fold);
            let known: Vec<bool> = train.iter().map(|&row| positive[row as usize]).collect();
            if all_equal(&known) {
                return Ok((Vec::new(), Vec::new()));
            }
            let machine = Machine::fit(self, &training.features.take(&train), &known)?;
            let rows = folds.validation(fold);
            let margins = machine.margins(&training.features.take(&rows))?;
            Ok((rows, margins))
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        let (rows, margins): (Vec<Vec<u32>>, Vec<Vec<f64>>) = parts.into_iter().unzip();
        Ok((rows.concat(), margins.concat()))
    }
}

/// A fitted machine and the features that it wants.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Machine {
    standard: Standard,
    /// None if no feature varied.
    svm: Option<Svm<f64, bool>>,
}

impl Machine {
    fn fit(
        options: &SupportVectorMachine,
        features: &Features<InSample>,
        positive: &[bool],
    ) -> Result<Self> {
        let standard = Standard::fit(features);
        let p = standard.n_kept();
        if p == 0 {
            return Ok(Self {
                standard,
                svm: None,
            });
        }
        let x = columns(features.n_rows(), p, standard.columns(features))?;
        // linfa divides the squared distance by a width.
        let parameters = Svm::<f64, bool>::params()
            .pos_neg_weights(options.c, options.c)
            .eps(options.tolerance);
        let parameters = match options.kernel {
            Kernel::Linear => parameters.linear_kernel(),
            Kernel::Gaussian => parameters.gaussian_kernel(p as f64),
            Kernel::GaussianWith { gamma } => parameters.gaussian_kernel(1.0 / gamma),
        };
        let data = DatasetBase::new(x, Array1::from(positive.to_vec()));
        let svm = guarded(Backend::Linfa, || parameters.fit(&data))?
            .map_err(|cause| failed(Backend::Linfa, &cause))?;
        Ok(Self {
            standard,
            svm: Some(svm),
        })
    }

    /// The margin of each row, positive on the positive side.
    fn margins<P: Provenance>(&self, features: &Features<P>) -> Result<Vec<f64>> {
        const ROWS: usize = 64;
        let Some(svm) = &self.svm else {
            return Ok(vec![0.0; features.n_rows()]);
        };
        let p = self.standard.n_kept();
        let margin = |row| svm.weighted_sum(&ArrayView1::from(row)) - svm.rho;
        let rows = self.standard.rows(features);
        let margins = parallel::map(rows.chunks(ROWS * p), |_, rows| {
            rows.chunks_exact(p).map(margin).collect::<Vec<f64>>()
        })
        .concat();
        match margins.iter().find(|margin| !margin.is_finite()) {
            Some(margin) => Err(Error::backend("linfa", format!("a margin of {margin}"))),
            None => Ok(margins),
        }
    }
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Calibrated {
    machine: Machine,
    scale: Platt,
}

/// Fitted [`SupportVectorMachine`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedSupportVectorMachine {
    /// A machine for each output that varied.
    machines: Vec<(usize, Calibrated)>,
    n_outputs: usize,
}

impl OutputModel for FittedSupportVectorMachine {
    fn backend(&self) -> Backend {
        Backend::Linfa
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        let mut outputs = vec![vec![0.0; features.n_rows()]; self.n_outputs];
        for (output, calibrated) in &self.machines {
            let margins = calibrated.machine.margins(features)?;
            outputs[*output] = margins
                .into_iter()
                .map(|margin| calibrated.scale.probability(margin))
                .collect();
        }
        Ok(outputs)
    }
}
