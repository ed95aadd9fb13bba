import MetricModel
import Relabel

/// What metric relabelling needs to know beside the target.
struct MetricRelabelling: Sendable {
    var rules = RelabelRules()
    /// The configuration's: where a rule takes one of the target's own labels away, the external one of that
    /// name comes forth.
    var externalLabels = LabelSet()
}
