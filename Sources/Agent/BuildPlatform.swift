/// What the program was built with and for, in the words of `prometheus_build_info`.
enum BuildPlatform {
    /// As Go names it.
    static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        "unknown"
        #endif
    }

    static var system: String {
        #if os(Linux)
        "linux"
        #else
        "unknown"
        #endif
    }

    /// The language with the newest version that the compiler is known to have reached.
    static var language: String {
        #if compiler(>=6.4)
        "swift6.4"
        #elseif compiler(>=6.3)
        "swift6.3"
        #else
        "swift"
        #endif
    }

    /// The newest version that the compiler is known to have reached, with the patch where that is known.
    static var compilerVersion: String {
        #if compiler(>=6.3.4)
        String(language.dropFirst("swift".count))
        #elseif compiler(>=6.3.3)
        "6.3.3"
        #elseif compiler(>=6.3.2)
        "6.3.2"
        #elseif compiler(>=6.3.1)
        "6.3.1"
        #else
        String(language.dropFirst("swift".count))
        #endif
    }
}
