public import Addresses
public import Configuration
import HTTPTransport

/// Which proxy a request goes through, by the rules of Go's httpproxy package, which Prometheus goes by.
struct ProxyChoice: Sendable {
    private let httpProxy: String?
    private let httpsProxy: String?
    private let direct: DirectHosts?
    private let sparesLocal: Bool
    /// For CONNECT.
    let connectHeaders: [HTTPHeader]

    init(_ options: ProxyOptions, environment: [String: String]) {
        sparesLocal = options.sparesLocal
        connectHeaders = options.connectHeaders.flatMap { header in
            header.values.map { HTTPHeader(name: header.name, value: $0.revealed) }
        }
        if options.fromEnvironment {
            func variable(_ name: String) -> String {
                // Capitals come first; an empty one counts as absent.
                let upper = environment[name] ?? ""
                return upper.isEmpty ? environment[name.lowercased()] ?? "" : upper
            }
            httpProxy = ProxyAddress.completed(variable("HTTP_PROXY"))
            httpsProxy = ProxyAddress.completed(variable("HTTPS_PROXY"))
            direct = DirectHosts(variable("NO_PROXY"))
        } else {
            httpProxy = options.url?.revealed
            httpsProxy = options.url?.revealed
            // Without no_proxy even a loopback address goes through the proxy.
            direct = options.noProxy.isEmpty ? nil : DirectHosts(options.noProxy)
        }
    }

    /// The proxy's URL; nil connects directly.
    func proxy(for target: HTTPURL) -> String? {
        guard let proxy = target.scheme == .https ? httpsProxy : httpProxy else { return nil }
        if sparesLocal, LocalHosts.contains(target) { return nil }
        if let direct, direct.contains(target) { return nil }
        return proxy
    }
}

extension ProxyOptions {
    /// Whether requests to a URL go there without a proxy.
    public func isDirect(to target: HTTPURL, environment: [String: String]) -> Bool {
        ProxyChoice(self, environment: environment).proxy(for: target) == nil
    }
}
