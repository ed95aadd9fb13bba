import Testing

@testable import Scrape

@Suite struct KnownFormatsTests {
    @Test func whatWasReadIsKept() {
        let known = KnownFormats()
        #expect(known.format(of: "text/plain; a=1") == nil)
        known.keep(.text, of: "text/plain; a=1")
        known.keep(.openMetrics, of: "application/openmetrics-text")
        #expect(known.format(of: "text/plain; a=1") == .text)
        #expect(known.format(of: "application/openmetrics-text") == .openMetrics)
        #expect(known.format(of: "text/plain;a=1") == nil)
    }

    /// Swift takes U+037E for a semicolon when it compares texts. Bytes decide: no header is read as another
    /// because it looks like it.
    @Test func aHeaderOfOtherBytesIsAnotherOne() {
        let known = KnownFormats()
        let (plain, odd) = ("text/plain; a=1", "text/plain\u{37E} a=1")
        #expect(plain == odd)
        known.keep(.text, of: plain)
        #expect(known.format(of: odd) == nil)
        let other = KnownFormats()
        other.keep(.text, of: odd)
        #expect(other.format(of: plain) == nil)
    }

    /// A target may send what it likes.
    @Test func fewAndShortOnesAreKept() {
        let known = KnownFormats()
        let long = "text/plain; v=" + String(repeating: "x", count: 300)
        known.keep(.text, of: long)
        #expect(known.format(of: long) == nil)
        for number in 0..<1_000 { known.keep(.text, of: "text/plain; v=\(number)") }
        #expect((0..<1_000).count { known.format(of: "text/plain; v=\($0)") != nil } == 32)
    }
}
