import Configuration
import Platform
import Testing

@testable import Discovery

/// The system's resolver against a name server on loopback.
@Suite(.timeLimit(.minutes(1)))
struct DNSResolvingTests {
    private func ask(
        _ name: String, _ type: DNSSDConfiguration.RecordType,
        _ answer: @escaping @Sendable (String, UInt16) -> LoopbackNameServer.Answer
    ) async throws -> (Result<[DNSRecord], ResolverError>, [String]) {
        let server = try LoopbackNameServer(answer)
        defer { server.stop() }
        let resolver = SystemDNS(NameResolver(servers: [.init(address: 0x7F00_0001, port: server.port)]))
        do throws(ResolverError) {
            let bytes = try await resolver.search(name, type)
            return (
                .success(bytes.isEmpty ? [] : DNSMessage(bytes)?.answers ?? [.nameServer("?")]),
                server.questions
            )
        } catch {
            return (.failure(error), server.questions)
        }
    }

    @Test func recordsComeBack() async throws {
        let (result, questions) = try await ask("exporters.test.", .srv) { name, type in
            #expect(name == "exporters.test" && type == 33)
            return .records([
                (5, [1, 0x61, 0]),
                (33, [0, 1, 0, 2, 0x23, 0x8C, 4] + Array("node".utf8) + [0xC0, 12]),
            ])
        }
        #expect(try result.get() == [.service(target: "node.exporters.test.", port: 9_100)])
        #expect(questions == ["exporters.test"])
    }

    @Test func anAnswerThatWasCutIsAskedForByTCP() async throws {
        let (result, questions) = try await ask("many.test.", .a) { _, _ in
            .longRecords((0..<1_000).map { (1, [10, 0, UInt8($0 >> 8), UInt8($0 & 0xFF)]) })
        }
        #expect(try result.get().count == 1_000)
        #expect(questions == ["many.test", "tcp many.test"])
    }

    @Test func aNameThatIsNotThereIsNoFailure() async throws {
        let (gone, _) = try await ask("gone.test.", .a) { _, _ in .code(3) }
        #expect(try gone.get() == [])
        let (empty, _) = try await ask("empty.test.", .aaaa) { _, _ in .records([]) }
        #expect(try empty.get() == [])
    }

    @Test func aServerThatFailsOrIsSilentIsAFailure() async throws {
        let (failing, _) = try await ask("a.test.", .a) { _, _ in .code(2) }
        #expect(throws: ResolverError.self) { try failing.get() }
        let (silent, _) = try await ask("a.test.", .a) { _, _ in .silence }
        #expect(throws: ResolverError("no name server gave an answer in time")) { try silent.get() }
    }
}
