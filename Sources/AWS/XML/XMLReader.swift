internal import CExpat

/// Reads an XML text into a tree, with bounds on everything that a hostile text could blow up. The one
/// importer of CExpat.
///
/// A document type declaration is refused, so there are no entities but XML's own five and no way to other
/// files.
public enum XMLReader {
    /// What a text may cost.
    public struct Limits: Sendable {
        public var bytes: Int
        /// Elements inside each other; DescribeInstances has eleven.
        public var depth: Int
        /// A page of 1,000 instances has some 150,000.
        public var elements: Int

        public init(bytes: Int = 16 << 20, depth: Int = 64, elements: Int = 400_000) {
            self.bytes = bytes
            self.depth = depth
            self.elements = elements
        }
    }

    /// The root element.
    public static func parse(
        _ bytes: [UInt8], limits: Limits = Limits()
    ) throws(XMLFault) -> XMLElement {
        guard bytes.count <= limits.bytes, bytes.count <= Int(Int32.max) else {
            throw XMLFault(
                line: 1, message: "the text has \(bytes.count) bytes; at most \(limits.bytes) are read")
        }
        guard let parser = unsafe XML_ParserCreate(nil) else {
            throw XMLFault(line: 1, message: "no memory for a parser")
        }
        defer { unsafe XML_ParserFree(parser) }
        let tree = unsafe XMLTree(parser: parser, limits: limits)
        // Safety: `tree` outlives the parser's calls, which all happen inside XML_Parse below; the bytes are
        // borrowed for that call alone.
        unsafe XML_SetUserData(parser, Unmanaged.passUnretained(tree).toOpaque())
        unsafe XML_SetElementHandler(
            parser, { data, name, _ in unsafe XMLTree.of(data)?.begin(name) },
            { data, _ in unsafe XMLTree.of(data)?.end() })
        unsafe XML_SetCharacterDataHandler(parser) { unsafe XMLTree.of($0)?.append($1, count: Int($2)) }
        unsafe XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in
            unsafe XMLTree.of(data)?.refuse("a document type declaration, which has no place in an answer")
        }
        let status = unsafe bytes.withUnsafeBytes {
            unsafe XML_Parse(
                parser, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count), 1)
        }
        let line = Int(clamping: unsafe XML_GetCurrentLineNumber(parser))
        withExtendedLifetime(tree) {}
        if let refusal = tree.refusal { throw XMLFault(line: line, message: refusal) }
        guard status == XML_STATUS_OK, let root = tree.root else {
            let said = unsafe XML_ErrorString(XML_GetErrorCode(parser)).map { unsafe String(cString: $0) }
            throw XMLFault(line: line, message: said ?? "not XML")
        }
        return root
    }
}

/// The tree as it grows under expat's callbacks.
@safe
private final class XMLTree {
    private struct Open {
        let name: String
        var text: [UInt8] = []
        var children: [XMLElement] = []
    }

    private(set) var root: XMLElement?
    private(set) var refusal: String?
    private var open: [Open] = []
    private var elementCount = 0
    private let parser: XML_Parser
    private let limits: XMLReader.Limits

    init(parser: XML_Parser, limits: XMLReader.Limits) {
        unsafe self.parser = parser
        self.limits = limits
    }

    /// Safety: expat hands back the user data it was given, a tree that lives through XML_Parse.
    static func of(_ data: UnsafeMutableRawPointer?) -> XMLTree? {
        unsafe data.map { unsafe Unmanaged<XMLTree>.fromOpaque($0).takeUnretainedValue() }
    }

    func begin(_ name: UnsafePointer<XML_Char>?) {
        // expat may still deliver what it has read when it is told to stop.
        guard refusal == nil, let name = unsafe name else { return }
        elementCount += 1
        guard open.count < limits.depth else { return refuse("nested deeper than \(limits.depth) elements") }
        guard elementCount <= limits.elements else {
            return refuse("more than \(limits.elements) elements")
        }
        // Safety: expat ends names with a zero.
        open.append(Open(name: unsafe String(cString: name)))
    }

    func end() {
        guard refusal == nil, let last = open.popLast() else { return }
        let text = last.children.isEmpty ? String(decoding: last.text, as: UTF8.self) : ""
        let element = XMLElement(name: last.name, text: text, children: last.children)
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    func append(_ characters: UnsafePointer<XML_Char>?, count: Int) {
        guard refusal == nil, !open.isEmpty, let characters = unsafe characters, count > 0 else { return }
        // Safety: expat gives `count` bytes, which it keeps until the callback returns.
        let bytes = unsafe UnsafeRawBufferPointer(start: characters, count: count)
        unsafe open[open.count - 1].text.append(contentsOf: bytes)
    }

    func refuse(_ message: String) {
        guard refusal == nil else { return }
        refusal = message
        _ = unsafe XML_StopParser(parser, XML_Bool(XML_FALSE))
    }
}
