import Addresses
internal import CCurl
internal import Platform

#if canImport(Glibc)
import Glibc
#endif

extension Transfer {
    /// Others cannot go on while this one holds what it does. `cannotFit`: it needs more than there is.
    func mustGiveWay(cannotFit: Bool) -> HTTPError {
        if cannotFit {
            return failure(.overloaded, Self.tooLarge(admission.mostOfOneBytes))
        }
        return failure(
            .overloaded,
            "the bodies under way need more memory than the "
                + "\(admission.mostOfOneBytes) bytes that all may hold, and this one "
                + "holds most"
        )
    }

    /// While memory is scarce its sender is slow, and others wait for the memory or the slot that it holds.
    var comesTooSlowly: HTTPError {
        failure(
            .overloaded,
            "the body came too slowly while memory was scarce: others waited for the memory or the place "
                + "that it held (\(body.count) bytes had come)")
    }

    /// The error of a body that kept others waiting too long while memory was scarce.
    var heldOthersUp: HTTPError {
        failure(
            .overloaded,
            "the body needed so much memory, while that was scarce, that others waited for too long")
    }

    /// What a body waits for; nil when it does not.
    var waitsFor: String? {
        if isShort {
            let memory = admission.memory
            return "memory: bodies hold \(memory.usedBytes(of: .bodies)) of the "
                + "\(memory.limitBytes(of: .bodies)) bytes they may"
        }
        return standing == .waiting ? "a body slot" : nil
    }

    /// What is wrong with a transfer that libcurl ended with `result`; nil when nothing is.
    func fault(after result: CURLcode, systemError: Int) -> HTTPError? {
        guard result == CURLE_OK else { return error(for: result, systemError: systemError) }
        // libcurl takes a connection closed among the headers for the end of an empty response.
        return headersEnded ? nil : failure(.truncated, "the response's headers were cut")
    }

    /// What libcurl's result means. Its own words are kept where they carry no more than host and port.
    private func error(for result: CURLcode, systemError: Int) -> HTTPError {
        if let refusal { return refusal }
        let words = easy?.failureText ?? ""
        // Safety: curl_easy_strerror returns static text.
        let text = words.isEmpty ? unsafe String(cString: curl_easy_strerror(result)) : words
        switch result {
        case CURLE_OPERATION_TIMEDOUT: return failure(.timeout, timeoutText(sameAsPlain(text)))
        // With a proxy its name is the only one that is looked up here.
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return failure(.resolve, toProxy.isEmpty ? text : "no connection\(toProxy): \(text)")
        case CURLE_COULDNT_CONNECT:
            return failure(
                .connect,
                "no connection\(toProxy): "
                    + (systemError == 0 ? text : PlainConnection.text(Int32(clamping: systemError))))
        case CURLE_RECV_ERROR where text.hasPrefix("CONNECT tunnel failed"):
            return failure(.connect, "no connection\(toProxy): \(text)")
        case CURLE_PROXY: return failure(.connect, "no connection\(toProxy): \(text)")
        case CURLE_PARTIAL_FILE: return failure(.truncated, "the body was cut: \(text)")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR: return failure(.connectionReset, text)
        case CURLE_RECV_ERROR where systemError != 0 || !receivedAnything:
            return failure(.connectionReset, text)
        case CURLE_RECV_ERROR, CURLE_WEIRD_SERVER_REPLY: return failure(.malformedResponse, text)
        case CURLE_BAD_CONTENT_ENCODING:
            return failure(.malformedResponse, "Transfer-Encoding is another than chunked, or damaged")
        case CURLE_TOO_MANY_REDIRECTS: return failure(.tooManyRedirects, text)
        // The scheme was checked before; the server's redirect, or its pre-1.0 answer, was not.
        case CURLE_UNSUPPORTED_PROTOCOL where receivedAnything:
            return failure(.malformedResponse, "the redirect leads to a scheme other than http and https")
        case CURLE_UNSUPPORTED_PROTOCOL: return failure(.malformedResponse, text)
        case CURLE_URL_MALFORMAT: return failure(.badURL, "the URL is malformed")
        case CURLE_OUT_OF_MEMORY:
            return failure(.malformedResponse, "a header line without end, or no memory: \(text)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_SHUTDOWN_FAILED, CURLE_USE_SSL_FAILED:
            return failure(.tls, Self.speaksNoTLS(text) ? Self.plainServer : text)
        default: return failure(.other, text)
        }
    }

    /// Names the proxy that a connection goes to first; nothing without one. Never its user and password.
    private var toProxy: String {
        guard let proxy = request.connection?.proxy?.url, request.connection?.unixSocketPath == nil else {
            return ""
        }
        let rest = proxy.firstRange(of: "://").map { proxy[$0.upperBound...] } ?? proxy[...]
        guard let url = HTTPURL("http://\(rest)") else { return " to the proxy" }
        return
            " to the proxy \(url.writtenHost):\(url.writtenPort ?? HTTPConnectionOptions.Proxy.port(proxy))"
    }

    /// What the plain way would say of a time that was up. libcurl's words differ, and hold the milliseconds.
    private func sameAsPlain(_ text: String) -> String {
        guard let ms = text.split(separator: " ").lazy.compactMap({ Int($0) }).first else { return text }
        let hasNone = text.hasPrefix("Connection timed out") || text.hasPrefix("Resolving timed out")
        let what = hasNone ? "no connection\(toProxy)" : "no whole answer"
        return "timed out: \(what) after \(ms) ms, \(body.count) bytes of body received"
    }

    private static let plainServer =
        "the server does not speak TLS on this port: it answered https with something else. Use http (scheme:"
        + " http for targets), or the server's port for https"

    /// What OpenSSL says of an answer that is none of TLS, such as an HTTP server's 400.
    private static func speaksNoTLS(_ text: String) -> Bool {
        ["wrong version number", "unknown protocol", "packet length too long", "http request"]
            .contains { text.contains($0) }
    }

    func timeoutText(_ text: String) -> String {
        if let waitsFor { return "the time was up while the body waited for \(waitsFor)" }
        return everWaited ? "\(text) (some of it spent waiting for a body slot or memory)" : text
    }
}
