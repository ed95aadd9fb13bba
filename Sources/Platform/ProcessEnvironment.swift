#if canImport(Glibc)
import Glibc
#endif

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// A copy, read through `environ` without Foundation. A name that stands twice keeps its first value, as
    /// getenv does.
    public static var current: [String: String] {
        var result: [String: String] = [:]
        // Safety: `environ` is a null-terminated array of null-terminated strings; nothing in this process
        // writes it.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                let name = String(line[..<equals])
                if result[name] == nil { result[name] = String(line[line.index(after: equals)...]) }
            }
            unsafe entry += 1
        }
        return result
    }
}
