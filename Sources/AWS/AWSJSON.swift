internal import JSON

/// JSON as AWS' services, its agents and the programs that give credentials write it.
enum AWSJSON {
    /// A page of DescribeTasks has some 25 bytes a value, and one full of network bindings 15. No answer
    /// comes near 8, so that the limit bounds memory and refuses none.
    private static let bytesPerNode = 8
    /// What any text may have, however short it is.
    private static let nodesAtLeast = 1_000

    /// The value that `bytes` hold, read as AWS' SDK for Go and the ECS agent do: an oddity in a tag or a
    /// label must not cost the tasks of the page.
    static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONNode {
        try JSONReader.read(bytes, nodeLimit: nodeLimit(bytes), rules: .asGo)
    }

    /// The same as a `Value`. The errors' words quote neither values nor keys, so that no secret is in them.
    static func read<Value: JSONReadable>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(JSONError) -> Value {
        try JSONReader.read(type, from: bytes, nodeLimit: nodeLimit(bytes), rules: .asGo)
    }

    private static func nodeLimit(_ bytes: [UInt8]) -> Int { nodesAtLeast + bytes.count / bytesPerNode }
}
