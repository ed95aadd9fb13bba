import Platform
import Telemetry
import Testing

@testable import WriteAheadBuffer

struct WriteAheadBufferSegmentCountTests {
    @Test func segmentsInMemoryAreNotCounted() throws {
        let fixture = try BufferFixture()
        fixture.memory = MemoryAccount(framesBytes: 1 << 20)
        let buffer = try fixture.open()
        let stream = try buffer.openStream("a")
        try buffer.append(fixture.frame(1))
        #expect(buffer.segmentCount == 1)
        fixture.files.refuse(errno: 28)
        try buffer.append(fixture.frame(2))
        #expect(buffer.core.catalog.all.count == 2 && buffer.segmentCount == 1)
        #expect(try stream.drain().count == 2)
        #expect(fixture.registry.render().contains("narthex_buffer_segments 1\n"))
    }
}
