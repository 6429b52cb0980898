//! `pull_agent_phase_duration_seconds`, from the totals of the saved state, so that it survives restarts.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use pull_agent_core::{PHASE_BUCKETS, PhaseTotal};

#[derive(Debug)]
pub(super) struct PhaseDurations(pub(super) Vec<PhaseTotal>);

impl Collector for PhaseDurations {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let mut metric = encoder.encode_descriptor(
            "phase_duration_seconds",
            "How long deployments were in each phase",
            None,
            MetricType::Histogram,
        )?;
        for total in &self.0 {
            let labels = [("phase", total.phase.as_str())];
            PhaseHistogram(total).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

struct PhaseHistogram<'a>(&'a PhaseTotal);

impl EncodeMetric for PhaseHistogram<'_> {
    #[expect(clippy::cast_precision_loss, reason = "bounds and sums are far below 2^52")]
    fn encode(&self, mut encoder: prometheus_client::encoding::MetricEncoder) -> Result<(), std::fmt::Error> {
        let bounds = PHASE_BUCKETS.iter().map(|bound| *bound as f64).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.0.buckets.iter().copied()).collect();
        let count = self.0.buckets.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        encoder.encode_histogram::<NoLabelSet>(self.0.sum.0 as f64 / 1000.0, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
