public import Configuration
public import Platform

/// The system's resolver on threads of its own: a name server that hangs holds up other look-ups only.
public final class SystemDNS: DNSResolving {
    /// Look-ups at a time.
    public static let threadCount = 4

    private let resolver: NameResolver
    private let threads: WorkerPool

    public init(_ resolver: NameResolver = NameResolver()) {
        self.resolver = resolver
        threads = WorkerPool(name: "dns", threads: Self.threadCount)
    }

    /// As above while the process runs: throws when a thread cannot be made.
    public init(whileRunning resolver: NameResolver) throws(ThreadError) {
        self.resolver = resolver
        threads = try WorkerPool(whileRunning: "dns", threads: Self.threadCount)
    }

    public func search(
        _ name: String, _ type: DNSSDConfiguration.RecordType
    ) async throws(ResolverError) -> [UInt8] {
        let resolver = resolver
        let result: Result<[UInt8], ResolverError> = await threads.run {
            Result { () throws(ResolverError) in try resolver.search(name, type: type.number) }
        }
        return try result.get()
    }
}
