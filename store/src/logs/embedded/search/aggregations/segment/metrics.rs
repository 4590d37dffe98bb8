//! From the request to the nodes of metrics.

use super::super::super::script::ScriptType;
use super::super::float_key;
use super::super::metrics::{
    SegmentMatrix, SegmentMetric, SegmentPopulation, SegmentStrings, SegmentTTest, SegmentWeighted,
};
use super::build::unsupported;
use super::{Context, Node};
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::{
            MatrixStats, Metric, MetricKind, Population, Rate, TTest, ValuesSource, WeightedAvg,
        },
        embedded::mapping::Family,
    },
};

impl<'r> Context<'r, '_, '_> {
    pub(super) fn metric(&self, request: &'r Metric) -> Result<Node<'r>, StoreError> {
        let source = &request.source;
        if let MetricKind::StringStats { .. } = request.kind {
            return self.strings(source);
        }
        let (column, missing) = match &request.kind {
            // Counting takes any field, everything else needs numbers.
            MetricKind::ValueCount | MetricKind::Cardinality { .. } if source.script.is_some() => {
                let (_, column) = self.column(source, ScriptType::Any)?;
                (column, self.missing_value(source, None)?)
            }
            MetricKind::ValueCount => {
                let field = self.fields.resolve(&source.field);
                (self.presence(&source.field)?, self.missing_value(source, field.as_ref())?)
            }
            MetricKind::Cardinality { .. } => {
                let (field, column) = self.column(source, ScriptType::Any)?;
                (column, self.missing_value(source, field.as_ref())?)
            }
            _ => {
                let (column, missing) = self.numbers(source)?;
                (column, missing.map(float_key))
            }
        };
        Ok(Node::Metric(Box::new(SegmentMetric::new(&request.kind, column, missing, self.is_top))))
    }

    pub(super) fn weighted(&self, request: &WeightedAvg) -> Result<Node<'r>, StoreError> {
        let (value, weight) = (self.numbers(&request.value)?, self.numbers(&request.weight)?);
        Ok(Node::Weighted(Box::new(SegmentWeighted::new(value, weight))))
    }

    fn strings(&self, source: &ValuesSource) -> Result<Node<'r>, StoreError> {
        let (field, column) = self.column(source, ScriptType::Text)?;
        if let Some(field) = field.as_ref().filter(|field| field.family() != Family::Keyword) {
            return Err(unsupported(field, "aggregation [string_stats]"));
        }
        let missing = self.missing_value(source, field.as_ref())?;
        Ok(Node::Statistics(Box::new(SegmentStrings::new(column, missing))))
    }

    pub(super) fn t_test(&self, request: &TTest) -> Result<Node<'r>, StoreError> {
        let population = |population: &Population| {
            let filter = population.filter.as_ref().map(|filter| self.scorer(filter)).transpose()?;
            Ok::<_, StoreError>(SegmentPopulation { values: self.numbers(&population.source)?, filter })
        };
        let [a, b] = &request.populations;
        let populations = [population(a)?, population(b)?];
        Ok(Node::Statistics(Box::new(SegmentTTest::new(populations, request.kind))))
    }

    pub(super) fn matrix(&self, request: &MatrixStats) -> Result<Node<'r>, StoreError> {
        let columns = request.sources.iter().map(|source| self.numbers(source)).collect::<Result<_, _>>()?;
        Ok(Node::Statistics(Box::new(SegmentMatrix::new(columns, request.mode))))
    }

    /// The sum of its values; documents are counted anyway.
    pub(super) fn rate(&self, request: &Rate) -> Result<Node<'r>, StoreError> {
        let Some(source) = &request.source else { return Ok(Node::Pipeline) };
        let (column, missing) = self.numbers(source)?;
        let metric = SegmentMetric::new(&MetricKind::Sum, column, missing.map(float_key), false);
        Ok(Node::Metric(Box::new(metric)))
    }
}
