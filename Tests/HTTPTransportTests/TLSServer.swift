import HTTPTransport
import Platform

#if canImport(Glibc)
import Glibc
#endif

/// `openssl s_server` on loopback with a certificate of its own for 127.0.0.1; answers with its status page.
final class TLSServer: Sendable {
    static let tool = "/usr/bin/openssl"

    /// The certificate, which a client must be told to trust.
    let certificatePath: String
    let port: Int
    private let folder: String
    private let process: pid_t

    init(subject: String) throws {
        let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/narthex-tls-XXXXXX".utf8CString)
        // Safety: mkdtemp writes within the template, which a zero ends.
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
        }
        guard let made else { throw RawServerError(step: "mkdtemp") }
        folder = made
        certificatePath = "\(made)/cert.pem"
        // A port that was free a moment ago.
        let probe = try RawServer { _ in }
        port = probe.port
        probe.stop()
        let request = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=narthex test", "-addext", "subjectAltName=\(subject)", "-keyout", "\(made)/key.pem",
            "-out", "\(made)/cert.pem",
        ]
        guard let maker = Self.start(request), Self.wait(for: maker) == 0 else {
            throw RawServerError(step: "openssl req")
        }
        let serve = [
            "s_server", "-www", "-accept", "127.0.0.1:\(port)", "-cert", "\(made)/cert.pem", "-key",
            "\(made)/key.pem",
        ]
        guard let process = Self.start(serve) else { throw RawServerError(step: "openssl s_server") }
        self.process = process
    }

    var url: String { "https://127.0.0.1:\(port)/" }

    /// Ends the server and removes its files.
    func stop() {
        // SIGTERM would wait: a process started from a task inherits the signal mask of libdispatch's
        // threads.
        _ = kill(process, SIGKILL)
        _ = Self.wait(for: process)
        for name in (try? POSIXFiles().list(folder)) ?? [] { try? POSIXFiles().remove("\(folder)/\(name)") }
        _ = unsafe rmdir(folder)
    }

    private static func start(_ arguments: [String]) -> pid_t? {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        for descriptor: Int32 in 0...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        var process = pid_t()
        // Safety: the copies live through the call and are freed after it; the array ends with nil.
        var pointers = unsafe ([tool] + arguments).map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
        let status = unsafe posix_spawn(&process, tool, &actions, nil, &pointers, environ)
        return status == 0 ? process : nil
    }

    private static func wait(for process: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
