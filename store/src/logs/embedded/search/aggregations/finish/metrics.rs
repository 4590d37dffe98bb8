use super::super::super::scalar::number;
use super::super::MetricState;
use super::super::metrics::{BOUNDS, BOXPLOT, Gathered, Numbers, Quantiles};
use super::Finish;
use super::format::ValueFormat;
use crate::{
    StoreError,
    logs::dsl::aggregations::{Kind, Metric, MetricKind},
};
use event::Object;
use serde_json::{Map, Value, json};

impl Finish<'_, '_> {
    /// The answer of a metric; without state, nothing was found.
    pub(super) fn state(&self, kind: &Kind, state: Option<&MetricState>) -> Result<Object, StoreError> {
        let mut out = Object::new();
        match kind {
            Kind::Metric(request) => {
                let empty = MetricState::new(&request.kind);
                let format = self.metric_format(request)?;
                metric(&mut out, request, state.unwrap_or(&empty), &format);
            }
            Kind::TTest(request) => return self.t_test(request, state),
            Kind::MatrixStats(request) => {
                let none = super::super::metrics::Matrix::default();
                let found = if let Some(MetricState::Matrix(found)) = state { found } else { &none };
                super::statistics::matrix(&mut out, found, request);
            }
            Kind::WeightedAvg(request) => {
                let mean = state.and_then(|state| state.value(&MetricKind::Avg, None));
                self.format(&request.value)?.put(&mut out, "value", mean);
            }
            Kind::GeoBounds { wrap_longitude, .. } => {
                let empty = Gathered::Bounds.empty();
                if let MetricState::Bounds(bounds) = state.unwrap_or(&empty)
                    && let Some(found) = bounds.found(*wrap_longitude)
                {
                    let corner = |lat: f64, lon: f64| json!({"lat": lat, "lon": lon});
                    let bounds = json!({
                        "top_left": corner(found.top, found.left),
                        "bottom_right": corner(found.bottom, found.right),
                    });
                    out.insert("bounds".to_owned(), bounds);
                }
            }
            Kind::GeoCentroid(_) => {
                let empty = Gathered::Centroid.empty();
                if let MetricState::Centroid(centroid) = state.unwrap_or(&empty) {
                    if let Some((lat, lon)) = centroid.middle() {
                        out.insert("location".to_owned(), json!({"lat": lat, "lon": lon}));
                    }
                    out.insert("count".to_owned(), json!(centroid.count()));
                }
            }
            _ => {}
        }
        Ok(out)
    }

    /// Numbers of values and their kind of numbers are no values of the field.
    fn metric_format(&self, request: &Metric) -> Result<ValueFormat, StoreError> {
        match (&request.kind, self.format(&request.source)?) {
            (MetricKind::ValueCount | MetricKind::Cardinality { .. }, _) => Ok(ValueFormat::Plain),
            (_, ValueFormat::Booleans) => Ok(ValueFormat::Booleans),
            (_, format) => Ok(format),
        }
    }
}

fn metric(out: &mut Object, request: &Metric, state: &MetricState, format: &ValueFormat) {
    match (state, &request.kind) {
        (MetricState::Distinct(distinct), _) => {
            out.insert("value".to_owned(), json!(distinct.estimate()));
        }
        (MetricState::Quantiles(quantiles), MetricKind::MedianAbsoluteDeviation) => {
            format.put(out, "value", quantiles.median_absolute_deviation());
        }
        (MetricState::Quantiles(quantiles), MetricKind::Boxplot) => {
            for (name, share) in BOXPLOT {
                match quantiles.quantiles(&[share]).and_then(|found| found.first().copied()) {
                    Some(value) => format.put(out, name, Some(value)),
                    // As Elasticsearch writes the extremes of nothing.
                    None => {
                        let nothing = match name {
                            "min" => "Infinity",
                            "max" => "-Infinity",
                            _ => "NaN",
                        };
                        out.insert(name.to_owned(), json!(nothing));
                    }
                }
            }
        }
        (MetricState::Quantiles(quantiles), kind) => {
            out.insert("values".to_owned(), quantile_values(quantiles, kind, format));
        }
        (MetricState::Strings(strings), MetricKind::StringStats { show_distribution }) => {
            super::statistics::strings(out, strings, *show_distribution);
        }
        (MetricState::Numbers(numbers), MetricKind::ValueCount) => {
            out.insert("value".to_owned(), json!(numbers.of("count").unwrap_or(0.0) as u64));
        }
        (MetricState::Numbers(numbers), kind @ (MetricKind::Stats | MetricKind::ExtendedStats { .. })) => {
            let sigma = if let MetricKind::ExtendedStats { sigma } = kind { Some(*sigma) } else { None };
            stats(out, numbers, sigma, format);
        }
        (state, kind) => format.put(out, "value", state.value(kind, None)),
    }
}

/// `stats`, and with a `sigma` what `extended_stats` adds.
pub(in super::super) fn stats(out: &mut Object, numbers: &Numbers, sigma: Option<f64>, format: &ValueFormat) {
    out.insert("count".to_owned(), json!(numbers.of("count").unwrap_or(0.0) as u64));
    let names = ["min", "max", "avg", "sum"];
    for name in names {
        out.insert(name.to_owned(), numbers.of(name).map_or(Value::Null, number));
    }
    let Some(sigma) = sigma else {
        texts(out, numbers, &names, format);
        return;
    };
    let variances = ["sum_of_squares", "variance", "variance_population", "variance_sampling"];
    let deviations = ["std_deviation", "std_deviation_population", "std_deviation_sampling"];
    for name in variances.iter().chain(&deviations) {
        // Of one value, the spread of a sample is not a number.
        let value = match numbers.of(name) {
            None if name.ends_with("sampling") && numbers.of("avg").is_some() => json!("NaN"),
            value => value.map_or(Value::Null, number),
        };
        out.insert((*name).to_owned(), value);
    }
    let bounds: Map<String, Value> = BOUNDS
        .iter()
        .map(|name| {
            let value = match numbers.bound(name, sigma) {
                None if name.ends_with("sampling") && numbers.of("avg").is_some() => json!("NaN"),
                value => value.map_or(Value::Null, number),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    out.insert("std_deviation_bounds".to_owned(), Value::Object(bounds));
    texts(out, numbers, &names, format);
    texts(out, numbers, &variances, format);
    texts(out, numbers, &deviations, format);
}

fn texts(out: &mut Object, numbers: &Numbers, names: &[&str], format: &ValueFormat) {
    for name in names {
        if let Some(text) = numbers.of(name).and_then(|value| format.text(value)) {
            out.insert(format!("{name}_as_string"), json!(text));
        }
    }
}

fn quantile_values(quantiles: &Quantiles, kind: &MetricKind, format: &ValueFormat) -> Value {
    match kind {
        MetricKind::Percentiles { percents, keyed } => percentiles(quantiles, percents, *keyed, format),
        MetricKind::PercentileRanks { values, keyed } => {
            let found =
                values.iter().map(|value| quantiles.rank(*value).map(|share| share * 100.0)).collect();
            // Ranks are percentages, whatever the values are.
            points(values, found, *keyed, &ValueFormat::Plain)
        }
        _ => Value::Null,
    }
}

/// `percentiles`, `percentiles_bucket`.
pub(in super::super) fn percentiles(
    quantiles: &Quantiles,
    percents: &[f64],
    keyed: bool,
    format: &ValueFormat,
) -> Value {
    let shares: Vec<f64> = percents.iter().map(|percent| percent / 100.0).collect();
    let found = match quantiles.quantiles(&shares) {
        Some(found) => found.into_iter().map(Some).collect(),
        None => vec![None; percents.len()],
    };
    points(percents, found, keyed, format)
}

fn points(points: &[f64], found: Vec<Option<f64>>, keyed: bool, format: &ValueFormat) -> Value {
    if keyed {
        let mut out = Object::new();
        for (point, found) in points.iter().zip(found) {
            format.put(&mut out, &format!("{point:?}"), found);
        }
        return Value::Object(out);
    }
    let one = |(point, found): (&f64, Option<f64>)| {
        let mut out = Object::new();
        out.insert("key".to_owned(), json!(point));
        format.put(&mut out, "value", found);
        Value::Object(out)
    };
    points.iter().zip(found).map(one).collect()
}
