import Testing

@testable import Configuration

@Suite struct ByteSizeTests {
    @Test(arguments: [
        ("0", 0), ("1B", 1), ("15MB", 15_728_640), ("15MiB", 15_728_640), ("1.5GB", 1_610_612_736),
        ("1GiB512MiB", 1_610_612_736), ("1KB", 1_024), ("1EB", 1 << 60),
    ])
    func parsesSizes(text: String, bytes: UInt64) {
        #expect(ByteSize.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "1", "15", "MB", "1kB", "15mb", "-1MB", "1.2.3MB", "1 MB", "99EB", "1Mb", "nanB", "٣MB",
    ])
    func refusesOtherSizes(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }
}
