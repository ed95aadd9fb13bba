import Glibc

/// The parsers that take bytes of any origin. One program holds all of them, for building it takes longer
/// than running it; NARTHEX_FUZZ_TARGET says which.
enum FuzzTarget: String {
    case text, openmetrics, protobuf, yaml, buffer, records, cursor, answer, plain

    static let chosen: FuzzTarget = {
        // Safety: the environment is read before anything could change it, and the name is a literal.
        guard let name = unsafe getenv("NARTHEX_FUZZ_TARGET"),
            let target = unsafe FuzzTarget(rawValue: String(cString: name))
        else { preconditionFailure("NARTHEX_FUZZ_TARGET names no target") }
        return target
    }()

    func run(_ bytes: [UInt8]) {
        switch self {
        case .text: BodyCheck.run(bytes, isOpenMetrics: false)
        case .openmetrics: BodyCheck.run(bytes, isOpenMetrics: true)
        case .protobuf: ProtobufCheck.run(bytes)
        case .yaml: ConfigurationCheck.run(bytes)
        case .buffer: BufferCheck.run(bytes)
        case .records: RecordsCheck.run(bytes)
        case .cursor: CursorCheck.run(bytes)
        case .answer: AnswerCheck.run(bytes)
        case .plain: PlainCheck.run(bytes)
        }
    }
}

/// What libFuzzer calls before anything else. For what the buffer reads it writes seeds, which only the
/// buffer can make.
@_cdecl("LLVMFuzzerInitialize")
public func fuzzInitialize(
    _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
    // Safety: as above.
    guard let path = unsafe getenv("NARTHEX_FUZZ_SEEDS") else { return 0 }
    let folder = unsafe String(cString: path)
    switch FuzzTarget.chosen {
    case .buffer: BufferCheck.writeSeeds(to: folder)
    case .records: RecordsCheck.writeSeeds(to: folder)
    case .cursor: CursorCheck.writeSeeds(to: folder)
    default: break
    }
    return 0
}

/// What libFuzzer calls with each input. The bytes are its own and live through the call.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    // Safety: libFuzzer gives `size` readable bytes, or none at all.
    FuzzTarget.chosen.run(unsafe Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}
