/// Lets through what has one of these values, for instance of `tag:Team`. Of several filters all must.
public struct EC2Filter: Sendable, Hashable {
    /// As the API reference of DescribeInstances names it.
    public var name: String
    public var values: [String]

    public init(name: String, values: [String]) {
        self.name = name
        self.values = values
    }

    /// `Filter.1.Name`, `Filter.1.Value.1` and so on, as the query protocol writes lists.
    static func parameters(_ filters: [EC2Filter]) -> [(name: String, value: String)] {
        filters.enumerated().flatMap { index, filter in
            let prefix = "Filter.\(index + 1)"
            return [(name: "\(prefix).Name", value: filter.name)]
                + filter.values.enumerated().map {
                    (name: "\(prefix).Value.\($0.offset + 1)", value: $0.element)
                }
        }
    }
}
