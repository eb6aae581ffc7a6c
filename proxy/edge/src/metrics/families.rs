//! The families, each made and registered in one step.

use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    Result,
};

/// A registry while it is filled.
#[derive(Default)]
pub(super) struct Families {
    pub(super) registry: Registry,
    /// Name, type and labels: a family that has counted nothing yet is not exported.
    #[cfg(test)]
    pub(super) known: Vec<(String, &'static str, Vec<String>)>,
}

impl Families {
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Result<IntCounter> {
        self.keep("counter", IntCounter::new(name, help)?)
    }

    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec> {
        let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.keep("counter", counters)
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Result<IntGauge> {
        self.keep("gauge", IntGauge::new(name, help)?)
    }

    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.keep("gauge", gauges)
    }

    pub(super) fn histograms(
        &mut self,
        options: HistogramOpts,
        labels: &[&str],
    ) -> Result<HistogramVec> {
        self.keep("histogram", HistogramVec::new(options, labels)?)
    }

    #[cfg_attr(not(test), allow(unused_variables))]
    fn keep<C>(&mut self, kind: &'static str, collector: C) -> Result<C>
    where
        C: Collector + Clone + 'static,
    {
        self.registry.register(Box::new(collector.clone()))?;
        #[cfg(test)]
        for family in collector.desc() {
            let labels = family.variable_labels.clone();
            self.known.push((family.fq_name.clone(), kind, labels));
        }
        Ok(collector)
    }
}
