use super::super::super::column::Points;
use super::super::MetricState;
use super::Numbers;
use crate::logs::dsl::GeoBox;

/// The box around points, so far: the sides west and east of Greenwich apart, as the box may cross the date line.
#[derive(Debug, Clone)]
pub(in super::super) struct Bounds {
    top: f64,
    bottom: f64,
    /// Smallest and largest longitude from 0 on.
    east: (f64, f64),
    /// Smallest and largest longitude below 0.
    west: (f64, f64),
}

const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl Default for Bounds {
    fn default() -> Self {
        Self { top: f64::NEG_INFINITY, bottom: f64::INFINITY, east: NONE, west: NONE }
    }
}

fn widen(range: &mut (f64, f64), other: (f64, f64)) {
    *range = (range.0.min(other.0), range.1.max(other.1));
}

impl Bounds {
    fn add(&mut self, (lat, lon): (f64, f64)) {
        self.top = self.top.max(lat);
        self.bottom = self.bottom.min(lat);
        widen(if lon >= 0.0 { &mut self.east } else { &mut self.west }, (lon, lon));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.top = self.top.max(other.top);
        self.bottom = self.bottom.min(other.bottom);
        widen(&mut self.east, other.east);
        widen(&mut self.west, other.west);
    }

    /// The box; `None` without points. With `wrap` the narrower one, which may cross the date line.
    pub(in super::super) fn found(&self, wrap: bool) -> Option<GeoBox> {
        if !self.top.is_finite() {
            return None;
        }
        let (left, right) = match (self.west.0.is_finite(), self.east.0.is_finite()) {
            (false, _) => self.east,
            (true, false) => self.west,
            (true, true) => {
                let plain = self.east.1 - self.west.0;
                let across = (180.0 - self.east.0) + (self.west.1 + 180.0);
                if wrap && across < plain { (self.east.0, self.west.1) } else { (self.west.0, self.east.1) }
            }
        };
        Some(GeoBox { top: self.top, bottom: self.bottom, left, right })
    }
}

/// The mean of points, so far.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Centroid {
    lat: Numbers,
    lon: Numbers,
}

impl Centroid {
    pub(super) fn merge(&mut self, other: &Self) {
        self.lat.merge(&other.lat);
        self.lon.merge(&other.lon);
    }

    /// Number of points.
    pub(in super::super) fn count(&self) -> u64 {
        self.lat.count
    }

    /// Latitude and longitude; `None` without points.
    pub(in super::super) fn middle(&self) -> Option<(f64, f64)> {
        self.lat.of("avg").zip(self.lon.of("avg"))
    }
}

/// What is gathered of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Gathered {
    Bounds,
    Centroid,
}

impl Gathered {
    pub(in super::super) fn empty(self) -> MetricState {
        match self {
            Self::Bounds => MetricState::Bounds(Bounds::default()),
            Self::Centroid => MetricState::Centroid(Centroid::default()),
        }
    }
}

/// `geo_bounds` or `geo_centroid` of one segment.
pub(in super::super) struct SegmentPoints {
    points: Option<Points>,
    gathered: Gathered,
    states: Vec<MetricState>,
}

impl SegmentPoints {
    pub(in super::super) fn new(points: Option<Points>, gathered: Gathered) -> Self {
        Self { points, gathered, states: Vec::new() }
    }

    pub(in super::super) fn bytes(&self) -> usize {
        self.states.len() * size_of::<MetricState>()
    }

    pub(in super::super) fn collect(&mut self, parents: &[u32], docs: &[u32]) {
        if let Some(top) = parents.iter().max() {
            self.states.resize((*top as usize + 1).max(self.states.len()), self.gathered.empty());
        }
        let Some(points) = &self.points else { return };
        for (parent, doc) in parents.iter().zip(docs) {
            for point in points.of(*doc) {
                match &mut self.states[*parent as usize] {
                    MetricState::Bounds(bounds) => bounds.add(point),
                    MetricState::Centroid(centroid) => {
                        centroid.lat.add(point.0);
                        centroid.lon.add(point.1);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(in super::super) fn finish(mut self, parents: usize) -> Vec<MetricState> {
        self.states.resize(parents, self.gathered.empty());
        self.states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_cross_the_date_line() {
        let mut bounds = Bounds::default();
        assert_eq!(bounds.found(true), None);
        [(10.0, 170.0), (-5.0, -175.0)].into_iter().for_each(|point| bounds.add(point));
        let sides = |found: GeoBox| (found.left, found.right);
        assert_eq!(bounds.found(true).map(sides), Some((170.0, -175.0)));
        assert_eq!(bounds.found(false).map(sides), Some((-175.0, 170.0)));
    }
}
