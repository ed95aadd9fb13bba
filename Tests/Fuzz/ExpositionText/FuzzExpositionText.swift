import FuzzCheck

/// What libFuzzer calls with each input. The bytes are its own and live through the call.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    // Safety: libFuzzer gives `size` readable bytes, or none at all.
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    BodyCheck.run(bytes, isOpenMetrics: false)
    return 0
}
