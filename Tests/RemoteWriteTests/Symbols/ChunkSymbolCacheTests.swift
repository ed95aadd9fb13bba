import MetricModel
import Platform
import Testing

@testable import RemoteWrite

@Suite struct ChunkSymbolCacheTests {
    private func chunk(_ name: String) -> LayoutChunk {
        TestFrames.chunk([[Label("__name__", name)]], TestFrames.target())
    }

    @Test func aChunkIsReadOnce() throws {
        let cache = ChunkSymbolCache()
        let chunk = chunk("a")
        let first = try #require(cache.symbols(of: chunk))
        #expect(cache.symbols(of: chunk) === first)
        #expect(cache.heldBytes == first.heldBytes)
    }

    @Test func boundHolds() throws {
        let one = try #require(ChunkSymbols(chunk("a"))).heldBytes
        let cache = ChunkSymbolCache(maxBytes: 3 * one)
        let chunks = (0..<9).map { chunk("\($0)") }
        for chunk in chunks {
            #expect(cache.symbols(of: chunk) != nil)
            #expect(cache.heldBytes <= 3 * one)
        }
        #expect(ChunkSymbolCache(maxBytes: one - 1).symbols(of: chunks[0]) != nil)
    }

    /// More chunks are asked for in turn than have room: those that stayed are found.
    @Test func aWorkingSetBeyondTheBoundIsFoundInPart() throws {
        let one = try #require(ChunkSymbols(chunk("00"))).heldBytes
        let cache = ChunkSymbolCache(maxBytes: 20 * one)
        let chunks = (10..<40).map { chunk("\($0)") }
        var found = 0
        for _ in 0..<20 {
            for chunk in chunks {
                let isKnown = cache.holds(chunk)
                found += isKnown ? 1 : 0
                _ = cache.symbols(of: chunk)
            }
        }
        #expect(found > 100, "of 600")
        #expect(cache.heldBytes <= 20 * one)
    }

    @Test func chunksThatAreGoneAreLetGo() {
        let cache = ChunkSymbolCache()
        for number in 0..<2_000 { _ = cache.symbols(of: chunk("m\(number)")) }
        #expect(cache.heldBytes < 400 * 400)
    }

    @Test func anEmptiedCacheFillsAgain() throws {
        let memory = MemoryAccount()
        let cache = ChunkSymbolCache(memory: memory)
        let chunk = chunk("a")
        let first = try #require(cache.symbols(of: chunk))
        cache.removeAll()
        #expect(cache.heldBytes == 0)
        #expect(memory.usedBytes(of: .reading) == 0)
        #expect(!cache.holds(chunk))
        let second = try #require(cache.symbols(of: chunk))
        #expect(second !== first)
        #expect(second.heldBytes == first.heldBytes)
        #expect(memory.usedBytes(of: .reading) == second.heldBytes)
    }

    /// What it holds is charged, and given back with it; less memory is less of it.
    @Test func itIsChargedAndBoundedByTheMemoryAccount() throws {
        let one = try #require(ChunkSymbols(chunk("00"))).heldBytes
        let memory = MemoryAccount(readingBytes: ChunkSymbolCache.shareOfReading * 5 * one)
        do {
            let cache = ChunkSymbolCache(memory: memory)
            let chunks = (10..<40).map { chunk("\($0)") }
            for chunk in chunks {
                _ = cache.symbols(of: chunk)
                #expect(cache.heldBytes <= 5 * one)
                #expect(memory.usedBytes(of: .reading) == cache.heldBytes)
            }
            #expect(cache.heldBytes > 0)
        }
        #expect(memory.usedBytes(of: .reading) == 0)
    }
}
