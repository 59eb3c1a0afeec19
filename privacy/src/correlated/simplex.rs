//! The least value of a function of a few numbers, by the simplex method of Nelder and Mead.

/// A point and its value.
type Vertex = (Vec<f64>, f64);

/// Lowers `loss` from `start` on, in at most about `tries` evaluations: a simplex with edges `step` walks downhill until its
/// values differ by less than one part in `10^7`. Deterministic; points of infinite value are outside.
///
/// # Source
/// Nelder and Mead 1965, "A simplex method for function minimization"; with the coefficients of Gao and Han 2012
/// ("Implementing the Nelder-Mead simplex algorithm with adaptive parameters"), which keep it from collapsing in more than two
/// dimensions.
pub(super) fn minimise(start: &[f64], step: f64, tries: u32, loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let size = start.len() as f64;
    let (expansion, contraction, shrinkage) = (1.0 + 2.0 / size, 0.75 - 0.5 / size, 1.0 - 1.0 / size.max(2.0));
    let evaluated = |point: Vec<f64>| {
        let value = loss(&point);
        // NaN would compare with nothing.
        let value = if value.is_nan() { f64::INFINITY } else { value };
        (point, value)
    };
    let mut simplex: Vec<Vertex> = vec![evaluated(start.to_vec())];
    for axis in 0..start.len() {
        let mut point = start.to_vec();
        point[axis] += step;
        simplex.push(evaluated(point));
    }
    for _ in 0..tries {
        simplex.sort_by(|left, right| left.1.total_cmp(&right.1));
        let (best, worst, last) = (simplex[0].1, simplex[start.len()].1, start.len());
        if worst - best <= 1e-7 * best {
            break;
        }
        let middle: Vec<f64> =
            (0..last).map(|axis| simplex[..last].iter().map(|(point, _)| point[axis]).sum::<f64>() / size).collect();
        // From the middle of the others, away from the worst (or towards it, where `factor` is negative).
        let moved = |factor: f64| {
            let point = middle.iter().zip(&simplex[last].0).map(|(middle, worst)| middle + factor * (middle - worst));
            evaluated(point.collect())
        };
        let reflected = moved(1.0);
        let next = if reflected.1 < best {
            let expanded = moved(expansion);
            if expanded.1 < reflected.1 { Some(expanded) } else { Some(reflected) }
        } else if reflected.1 < simplex[last - 1].1 {
            Some(reflected)
        } else {
            let contracted = moved(if reflected.1 < worst { contraction } else { -contraction });
            if contracted.1 < reflected.1.min(worst) { Some(contracted) } else { None }
        };
        match next {
            Some(vertex) => simplex[last] = vertex,
            None => {
                let (anchor, others) = simplex.split_at_mut(1);
                for vertex in others {
                    let shrunk = anchor[0].0.iter().zip(&vertex.0).map(|(best, far)| best + shrinkage * (far - best));
                    *vertex = evaluated(shrunk.collect());
                }
            }
        }
    }
    simplex.sort_by(|left, right| left.1.total_cmp(&right.1));
    simplex.swap_remove(0).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valleys_are_walked_to_their_lowest_point() {
        let bowl = |point: &[f64]| 2.0 + (point[0] - 3.0).powi(2);
        assert!((minimise(&[0.0], 0.5, 200, bowl)[0] - 3.0).abs() < 1e-3);
        // Rosenbrock's curved valley.
        let valley = |point: &[f64]| 1.0 + (1.0 - point[0]).powi(2) + 100.0 * (point[1] - point[0] * point[0]).powi(2);
        let found = minimise(&[-1.2, 1.0], 0.5, 2_000, valley);
        assert!((found[0] - 1.0).abs() < 1e-2 && (found[1] - 1.0).abs() < 1e-2, "{found:?}");
        let far = |point: &[f64]| 1.0 + point.iter().map(|x| (x - 0.7).powi(2)).sum::<f64>();
        let found = minimise(&[0.0; 6], 0.3, 5_000, far);
        assert!(found.iter().all(|x| (x - 0.7).abs() < 1e-2), "{found:?}");
    }

    #[test]
    fn a_wall_is_not_crossed() {
        let walled = |point: &[f64]| if point[0] > 0.5 { f64::NAN } else { 1.0 - point[0] };
        let found = minimise(&[0.0], 0.3, 500, walled);
        assert!(found[0] <= 0.5 && found[0] > 0.49, "{found:?}");
    }
}
