//! Jobs of logistic regression and naive Bayes.

use stackfold::data::Labels;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::linear::LogisticRegression;

use crate::Result;
use crate::folder::Folder;
use crate::job::{Job, Model};
use crate::measure::{Report, fit_and_predict};

pub fn run(job: &Job, folder: &Folder, target: &Labels) -> Result<Report> {
    match job.model {
        Model::Logistic => fit_and_predict(job, folder, target, &LogisticRegression::new()),
        _ => fit_and_predict(job, folder, target, &GaussianNaiveBayes::new()),
    }
}
