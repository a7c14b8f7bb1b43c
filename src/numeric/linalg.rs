//! Small dense linear algebra: symmetric systems (Cholesky), the singular value decomposition (one-sided
//! Jacobi), and what follows from it.

/// How often all pairs of columns are gone through at most.
const MAX_SWEEPS: usize = 60;

/// Solves `A x = b` for a symmetric positive definite `A` (`d` x `d`, row by row) by Cholesky's
/// factorisation; a pivot that is not above a tiny share of its diagonal is skipped, which leaves
/// its unknown at zero.
pub(crate) fn solve_positive(a: &[f64], b: &[f64]) -> Vec<f64> {
    let d = b.len();
    let mut l = a.to_vec();
    let mut skipped = vec![false; d];
    for j in 0..d {
        let diagonal = a[j * d + j];
        let mut pivot = l[j * d + j];
        for k in 0..j {
            pivot -= l[j * d + k] * l[j * d + k];
        }
        if pivot <= 1e-12 * diagonal.abs() || !pivot.is_finite() {
            skipped[j] = true;
            for i in j..d {
                l[i * d + j] = 0.0;
            }
            continue;
        }
        let root = pivot.sqrt();
        l[j * d + j] = root;
        for i in j + 1..d {
            let mut value = l[i * d + j];
            for k in 0..j {
                value -= l[i * d + k] * l[j * d + k];
            }
            l[i * d + j] = value / root;
        }
    }
    let mut x = b.to_vec();
    for i in 0..d {
        if skipped[i] {
            x[i] = 0.0;
            continue;
        }
        for k in 0..i {
            x[i] -= l[i * d + k] * x[k];
        }
        x[i] /= l[i * d + i];
    }
    for i in (0..d).rev() {
        if skipped[i] {
            x[i] = 0.0;
            continue;
        }
        for k in i + 1..d {
            x[i] -= l[k * d + i] * x[k];
        }
        x[i] /= l[i * d + i];
    }
    x
}

/// A dense matrix of `f64`, row after row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    n_columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(n_rows: usize, n_columns: usize) -> Self {
        Self {
            n_columns,
            values: vec![0.0; n_rows * n_columns],
        }
    }

    fn identity(n: usize) -> Self {
        let mut matrix = Self::zeros(n, n);
        for i in 0..n {
            *matrix.at_mut(i, i) = 1.0;
        }
        matrix
    }

    fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n_columns + j]
    }

    pub(crate) fn at_mut(&mut self, i: usize, j: usize) -> &mut f64 {
        &mut self.values[i * self.n_columns + j]
    }

    /// The row vector `x` times this matrix.
    pub(crate) fn apply(&self, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (&x, row) in x.iter().zip(self.values.chunks_exact(self.n_columns)) {
            for (out, &value) in out.iter_mut().zip(row) {
                *out += x * value;
            }
        }
    }

    /// The products of columns `p` and `q` with themselves, and with each other.
    fn column_products(&self, p: usize, q: usize) -> (f64, f64, f64) {
        let mut sums = (0.0, 0.0, 0.0);
        for row in self.values.chunks_exact(self.n_columns) {
            sums.0 += row[p] * row[p];
            sums.1 += row[q] * row[q];
            sums.2 += row[p] * row[q];
        }
        sums
    }

    fn rotate_columns(&mut self, p: usize, q: usize, cos: f64, sin: f64) {
        for row in self.values.chunks_exact_mut(self.n_columns) {
            let (x, y) = (row[p], row[q]);
            row[p] = cos * x - sin * y;
            row[q] = sin * x + cos * y;
        }
    }
}

/// Rotates columns of `a` until each two are orthogonal (one-sided Jacobi, Hestenes 1958): `a`
/// becomes `U S`, and the `V` of `a = U S Vᵀ` is returned.
fn orthogonalize(a: &mut Matrix) -> Matrix {
    let n = a.n_columns;
    let mut v = Matrix::identity(n);
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (pp, qq, pq) = a.column_products(p, q);
                if pq.abs() <= 1e-15 * (pp * qq).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (qq - pp) / (2.0 * pq);
                let tan = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cos = tan.hypot(1.0).recip();
                a.rotate_columns(p, q, cos, cos * tan);
                v.rotate_columns(p, q, cos, cos * tan);
            }
        }
        if !rotated {
            break;
        }
    }
    v
}

/// The matrix `O` of orthonormal columns for which `M O` is nearest to `R`, in that the trace of
/// `(M O)ᵀ R` is largest, from `covariance = Mᵀ R`, which has as many rows as columns or more: it
/// is `U Vᵀ` of `Mᵀ R = U S Vᵀ` (Schönemann 1966). Where the two have nothing in common, any
/// orthonormal columns complete it.
pub(crate) fn procrustes(covariance: &Matrix) -> Matrix {
    let (n_rows, n) = (covariance.n_rows(), covariance.n_columns);
    let mut u = covariance.clone();
    let v = orthogonalize(&mut u);
    let lengths: Vec<f64> = (0..n).map(|j| u.column_products(j, j).0.sqrt()).collect();
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    let mut done: Vec<usize> = Vec::new();
    let is_long = |&j: &usize| lengths[j] > 1e-12 * longest;
    for j in (0..n).filter(is_long) {
        for i in 0..n_rows {
            *u.at_mut(i, j) /= lengths[j];
        }
        done.push(j);
    }
    for j in (0..n).filter(|j| !is_long(j)) {
        complete(&mut u, j, &done);
        done.push(j);
    }
    let mut rotation = Matrix::zeros(n_rows, n);
    for i in 0..n_rows {
        for j in 0..n {
            *rotation.at_mut(i, j) = (0..n).map(|k| u.at(i, k) * v.at(j, k)).sum();
        }
    }
    rotation
}

/// Makes column `j` of `u` a unit vector that is orthogonal to the columns `done`: what is left of
/// the first axis, from the `j`-th on, of which enough is left.
fn complete(u: &mut Matrix, j: usize, done: &[usize]) {
    let n = u.n_rows();
    for axis in (j..n).chain(0..j) {
        let mut x: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == axis))).collect();
        // Twice, so that rounding leaves nothing.
        for _ in 0..2 {
            for &k in done {
                let product: f64 = (0..n).map(|i| x[i] * u.at(i, k)).sum();
                for (i, x) in x.iter_mut().enumerate() {
                    *x -= product * u.at(i, k);
                }
            }
        }
        let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        // Of one axis at least this much is left.
        if length > 0.5 / (n as f64).sqrt() {
            for (i, x) in x.into_iter().enumerate() {
                *u.at_mut(i, j) = x / length;
            }
            return;
        }
    }
}

/// The eigenvectors of a symmetric matrix with no negative eigenvalue, one a column, by falling
/// eigenvalue; each has its largest entry (the first, of several) above 0.
pub(crate) fn principal_axes(covariance: &Matrix) -> Matrix {
    let n = covariance.n_columns;
    let mut a = covariance.clone();
    let v = orthogonalize(&mut a);
    let mut order: Vec<(f64, usize)> = (0..n).map(|j| (a.column_products(j, j).0, j)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut axes = Matrix::zeros(n, n);
    for (to, &(_, from)) in order.iter().enumerate() {
        let column = (0..n).map(|i| v.at(i, from));
        let largest = column.clone().fold(
            0.0_f64,
            |a, b| if b.abs() > a.abs() + 1e-12 { b } else { a },
        );
        for (i, x) in column.enumerate() {
            *axes.at_mut(i, to) = if largest < 0.0 { -x } else { x };
        }
    }
    axes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    fn random(n: usize, seed: u64) -> Matrix {
        let values = (0..(n * n) as u64)
            .map(|i| Seed::new(seed).normal(i))
            .collect();
        Matrix {
            n_columns: n,
            values,
        }
    }

    fn product(a: &Matrix, b: &Matrix) -> Matrix {
        let mut out = Matrix::zeros(a.n_rows(), b.n_columns);
        let rows = a.values.chunks_exact(a.n_columns);
        for (row, out) in rows.zip(out.values.chunks_exact_mut(b.n_columns)) {
            b.apply(row, out);
        }
        out
    }

    fn transposed(a: &Matrix) -> Matrix {
        let mut out = Matrix::zeros(a.n_columns, a.n_rows());
        for i in 0..a.n_columns {
            for j in 0..a.n_rows() {
                *out.at_mut(i, j) = a.at(j, i);
            }
        }
        out
    }

    fn assert_same(a: &Matrix, b: &Matrix) {
        for (a, b) in a.values.iter().zip(&b.values) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
    }

    #[test]
    fn a_rotation_is_found_again() {
        for n in 1..8 {
            // The rotation nearest to a random matrix is orthogonal, and nearest to itself.
            let rotation = procrustes(&random(n, 3));
            assert_same(
                &product(&rotation, &transposed(&rotation)),
                &Matrix::identity(n),
            );
            let m = random(n, 4);
            let rotated = product(&m, &rotation);
            assert_same(&procrustes(&product(&transposed(&m), &rotated)), &rotation);
        }
    }

    #[test]
    fn a_plane_is_found_again() {
        let m = random(5, 6);
        let rotation = procrustes(&random(5, 7));
        // Of vectors of five numbers, two directions.
        let mut plane = Matrix::zeros(5, 2);
        for i in 0..5 {
            for j in 0..2 {
                *plane.at_mut(i, j) = rotation.at(i, j);
            }
        }
        let white = procrustes(&m);
        let covariance = product(&transposed(&white), &product(&white, &plane));
        assert_same(&procrustes(&covariance), &plane);
    }

    #[test]
    fn what_has_nothing_in_common_still_has_a_rotation() {
        assert_same(&procrustes(&Matrix::zeros(3, 3)), &Matrix::identity(3));
        let mut one = Matrix::zeros(3, 3);
        *one.at_mut(1, 0) = -2.0;
        let rotation = procrustes(&one);
        assert_same(
            &product(&rotation, &transposed(&rotation)),
            &Matrix::identity(3),
        );
        assert!((rotation.at(1, 0) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn axes_come_by_falling_variance() {
        let mut diagonal = Matrix::zeros(3, 3);
        for (i, variance) in [1.0, 9.0, 4.0].into_iter().enumerate() {
            *diagonal.at_mut(i, i) = variance;
        }
        let rotation = procrustes(&random(3, 5));
        let covariance = product(&product(&transposed(&rotation), &diagonal), &rotation);
        let axes = principal_axes(&covariance);
        for (axis, row) in [1, 2, 0].into_iter().enumerate() {
            let cosine: f64 = (0..3).map(|i| rotation.at(row, i) * axes.at(i, axis)).sum();
            assert!((cosine.abs() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn solves_a_small_system() {
        let a = [4.0, 2.0, 1.0, 2.0, 5.0, 3.0, 1.0, 3.0, 6.0];
        let x = [1.0, -2.0, 0.5];
        let b: Vec<f64> = (0..3)
            .map(|i| (0..3).map(|j| a[i * 3 + j] * x[j]).sum())
            .collect();
        for (found, expected) in solve_positive(&a, &b).iter().zip(x) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_repeated_unknown_is_left_at_zero() {
        let x = solve_positive(&[2.0, 2.0, 2.0, 2.0], &[4.0, 4.0]);
        assert!((x[0] - 2.0).abs() < 1e-12);
        assert_eq!(x[1].to_bits(), 0.0_f64.to_bits());
    }
}
