/// An element of an XML answer: STS, EC2 and S3 use no more of XML than this. Attributes are dropped.
public struct XMLElement: Sendable, Equatable {
    public let name: String
    /// The character data of an element without children, as it stands; empty where there are children.
    public let text: String
    public let children: [XMLElement]

    public init(name: String, text: String = "", children: [XMLElement] = []) {
        self.name = name
        self.text = text
        self.children = children
    }

    /// The first child of that name.
    public subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text found by going from child to child; nil when one is missing.
    public func text(_ path: String...) -> String? {
        var element = self
        for name in path {
            guard let next = element[name] else { return nil }
            element = next
        }
        return element.text
    }

    /// The entries of a list: `<name><item>…</item><item>…</item></name>`, or `member` in place of `item`.
    public func list(_ name: String) -> [XMLElement] {
        self[name]?.children.filter { $0.name == "item" || $0.name == "member" } ?? []
    }
}

/// Why a text was not taken as XML.
public struct XMLFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    public let message: String

    public var description: String { "line \(line): \(message)" }
}
