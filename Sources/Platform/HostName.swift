#if canImport(Glibc)
import Glibc
#endif

/// What this machine is called.
public enum HostName {
    /// The kernel's node name; empty when it has none.
    public static var current: String {
        var names = utsname()
        // Safety: `names` lives through the call; the field is null-terminated inside its own length.
        guard unsafe uname(&names) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: names.nodename) { raw in
            unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
