import Addresses
import Testing

/// The agent's URLs are read by `HTTPURL`, and sent by libcurl: where the two saw different servers or paths,
/// a signature, a rule of `no_proxy` or a log line would speak of something else than what is asked.
///
/// Every URL that `HTTPURL` takes, libcurl takes and reads the same: there is no exception to list. The other
/// way round `HTTPURL` refuses more; what it refuses it refuses with a sentence.
@Suite struct HTTPURLAgreement {
    /// From the rules of RFC 3986 and RFC 6874, the URL Standard's host parser, and `inet_aton`.
    static let hosts = [
        "h", "H.Example", "h.", "h..a", ".h", "-", "_", "a_b", "a~b", "xn--mnchen-3ya.de", "münchen.de", "☃",
        "localhost",
        "a.b.c.d.e", "1.2.3.4", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2", "1", "0", "127.1",
        "0177.0.0.1", "0x7f.0.0.1", "0x7F000001", "2130706433", "4294967295", "4294967296", "1.2.3.4.",
        "1.2.3.4.5",
        "1.2.3.", "1..2", "01.2.3.4", "1.2.3.04", "1.2.3.0x4", "0x", "0xg", "0x.1", "00", "08", "1.2.3.4a",
        "a1.2.3.4",
        "web.1", "9a", "1e3", "+1", "-1", "1.2.3.-4", "１.2.3.4", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]",
        "[0:0::1]",
        "[FE80::1]", "[fe80:0::1]", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7]",
        "[::ffff:1.2.3.4]",
        "[::1.2.3.4]", "[64:ff9b::1.2.3.4]", "[0::FFFF:1.2.3.4]", "[::1.2.3]", "[::1.2.3.04]", "[::g]",
        "[::+1]", "[12345::]",
        "[1::2::3]", "[]", "[", "]", "[::1", "::1", "[[::1]]", "[::1]]", "[::1]x", "[v1.fe]", "[a]",
        "[1.2.3.4]",
        "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fe80::1%25]", "[fe80::1%]", "[fe80::1%2525]", "[fe80::1%25e]",
        "[fe80::1%1]",
        "[fe80::1%25eth0%25a]", "[fe80::1%25%41]", "[fe80::1%25aaaaaaaaaaaaaaa]",
        "[fe80::1%25aaaaaaaaaaaaaaaa]",
        "[fe80::1%a b]", "[fe80::1%a/b]", "h%41", "%68", "%", "%31.2.3.4", "%2e", "%00", "h%zz", "a b",
        "a\tb", "a\nb",
        "a\rb", "a\u{0}b", "a\u{7F}b", "a\\b", "a|b", "a^b", "a`b", "a<b", "a>b", "a\"b", "a{b}", "a'b",
        "a!b", "a$b", "a&b", "a*b", "a+b",
        "a,b", "a;b", "a=b", "(a)", "", " ", "h\u{301}", "\u{301}", "h。de", "h\u{AD}", "h\u{200B}",
        String(repeating: "a", count: 255),
        String(repeating: "a", count: 256), String(repeating: "a.", count: 120),
        String(repeating: "1", count: 60),
    ]
    static let users = [
        "", "u@", "u:p@", ":p@", ":@", "@", "u:@", "u@v@", "u:p:q@", "u%40v@", "u\\@", "u[@", "u;x@", "ü@",
        "u v@", "u:80@",
    ]
    static let ports = [
        "", ":", ":0", ":00", ":1", ":80", ":443", ":0080", ":65535", ":65536", ":99999999999999999999",
        ":+80", ":-1", ": 80",
        ":80 ", ":8a", ":0x50", ":٣", ":80:80", "::80", ":%38", ":8\u{0}",
    ]
    static let targets = [
        "", "/", "?", "#", "/?", "/#", "/?#", "?#", "/a", "/a/../b", "/./", "/..", "//", "//a//b/",
        "/%2e%2e/", "/a%20b", "/%", "/%zz", "/%00",
        "/a b", "/a\tb", "/a\nb", "/a\\b", "/a|b", "/{a}", "/<a>", "/ä", "/\u{301}", "/a;b=c", "/a:b@c",
        "/a?b?c", "/a?b#c?d#e", "?a=b c", "?a=ä",
        "?a[]=1", "?q=http://x/@y", "#a@b/c", "/#a b", "/\u{7F}", "/\u{0}", "\\", "\\a", "/'\"", "/a#\u{7F}",
        "/" + String(repeating: "a", count: 9_000),
    ]
    static let schemes = [
        "http://", "https://", "HTTP://", "hTTpS://", "http:/", "http:", "http:///", "http:////", "http//",
        "https:\\\\", "http:/\\", "ftp://",
        "httpx://", "://", "//", "", " http://", "http ://", "h\u{301}ttp://", "HTTP:", "file://",
        "http://http://", "\u{FEFF}http://",
    ]

    /// Every part with ordinary ones around it, and some pairs that matter to one another.
    static var table: [String] {
        var all = hosts.flatMap { host in ["http://\(host)/a?b", "https://u:p@\(host):81"] }
        all += users.flatMap { user in ["http://\(user)h/", "http://\(user)1.2.3.4:80?x", "http://\(user)"] }
        all += ports.flatMap { port in
            ["http://h\(port)/", "https://[::1]\(port)", "http://\(port)/", "http://1.2.3.4\(port)?x"]
        }
        all += targets.flatMap { target in ["http://h\(target)", "https://u@[::1]:9\(target)"] }
        all += schemes.flatMap { scheme in ["\(scheme)h/", "\(scheme)h", "\(scheme)u@1.2.3.4:80/x?y", scheme]
        }
        return all
    }

    /// What is wrong between the two about a URL; nil where nothing is.
    static func difference(_ text: String) -> String? {
        let url: HTTPURL
        do throws(AddressError) { url = try HTTPURL(parsing: text) } catch {
            return error.message.isEmpty || error.message.contains(text) && text.utf8.count > 16
                ? "no fit reason is given" : nil
        }
        guard let curl = LibcurlReading(text) else { return "libcurl refuses it" }
        let port = url.writtenPort.map { "\($0)" }
        var found: [String] = []
        func compare(_ what: String, _ ours: String?, _ its: String?) {
            if ours != its { found.append("\(what): \(ours ?? "none"), but libcurl has \(its ?? "none")") }
        }
        compare("scheme", url.scheme.rawValue, curl.scheme)
        compare("port", port, curl.port)
        compare("path", url.path, curl.path)
        compare("query", url.query, curl.query)
        compare("zone", url.zone, curl.zone)
        compare("user", "\(url.hasUser)", "\(curl.hasUser)")
        if let header = url.hostHeader {
            let isDefault = url.port == url.scheme.defaultPort
            compare("host header", header, curl.host + (isDefault ? "" : ":\(url.port)"))
        } else {
            compare("host", url.writtenHost, curl.host)
        }
        if let address = url.address { compare("address", address.text, Self.address(curl.host)) }
        return found.isEmpty ? nil : found.joined(separator: "; ")
    }

    /// An address that libcurl names, in the form of ours.
    private static func address(_ host: String) -> String? {
        IPAddress(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)?.text
    }

    @Test func everyURLOfTheTableIsReadAsByLibcurl() {
        let table = Self.table
        #expect(table.count > 300)
        let found = table.compactMap { text in Self.difference(text).map { "\(text.debugDescription): \($0)" }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
        // A parser that refused everything would agree, too.
        let takenCount = table.count { HTTPURL($0) != nil }
        #expect(takenCount > 120, "\(takenCount) of \(table.count) are taken")
    }

    @Test func soAreMutations() {
        var random = SeededRandom()
        let table = Self.table.map { Array($0.utf8.prefix(200)) }
        let alphabet = Array(":/?#@[]\\%.0123456789abxfF -_~+;\t\u{7F}\u{C3}\u{BC}".utf8)
        var takenCount = 0
        for _ in 0..<20_000 {
            var bytes = table[random.number(0...table.count - 1)]
            for _ in 0..<random.number(1...3) {
                let index = random.number(0...bytes.count)
                let byte = alphabet[random.number(0...alphabet.count - 1)]
                switch random.number(0...3) {
                case 0: bytes.insert(byte, at: index)
                case 1 where index < bytes.count: bytes[index] = byte
                case 2 where index < bytes.count: bytes.remove(at: index)
                default:
                    let other = table[random.number(0...table.count - 1)]
                    bytes = Array(bytes.prefix(index)) + other.suffix(random.number(0...other.count))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            if HTTPURL(text) != nil { takenCount += 1 }
            if let found = Self.difference(text) { Issue.record("\(text.debugDescription): \(found)") }
        }
        #expect(takenCount > 1_000, "\(takenCount) are taken")
    }

    /// Locations from the standard's rules and the table, seen from one place: `HTTPURL` and libcurl lead to
    /// the same server, and where neither path nor query holds dots or bytes to escape to the same URL.
    @Test func locationsLeadWhereLibcurlGoes() throws {
        let base = try HTTPURL(parsing: "http://a:1/b/c?q=1")
        var comparedCount = 0
        for location in Self.table + Self.targets + ["x", "x/y", "?q", "//h/x", "/x?y=/../z", "x?y"] {
            // Refusing is always safe.
            guard let ours = try? base.resolving(location) else { continue }
            if location.utf8.contains(0x2E) || location.isEmpty || location.hasPrefix("#") { continue }
            // A fragment is never sent; libcurl refuses some of them.
            let asked = String(decoding: location.utf8.prefix { $0 != 0x23 }, as: UTF8.self)
            let its = LibcurlResolving.resolve(asked, from: base.text)
            #expect(its != nil, "\(location.debugDescription)")
            guard let its, let their = HTTPURL(its) else { continue }
            comparedCount += 1
            #expect(ours.isSameOrigin(as: their), "\(location.debugDescription)")
            #expect(ours.path.lowercased() == their.path.lowercased(), "\(location.debugDescription)")
            // libcurl leaves out a question mark with nothing behind it.
            let (query, theirs) = (ours.query ?? "", their.query ?? "")
            #expect(query.lowercased() == theirs.lowercased(), "\(location.debugDescription)")
        }
        #expect(comparedCount > 100)
    }
}
