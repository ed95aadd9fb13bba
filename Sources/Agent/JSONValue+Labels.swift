import JSON
import MetricModel

extension JSONValue {
    /// Labels as an object, in their order.
    static func labels(_ labels: LabelSet) -> JSONValue {
        .object(labels.labels.map { Member($0.name, .string($0.value)) })
    }
}
