//! The prior: a model that looks at no feature.
