#if canImport(Glibc)
import Glibc
#endif

/// Whether the programs that a race is to start can be started: looked at before anything is measured.
enum ProgramPlace {
    /// What is wrong with the program that a command names; nil where there is one that may be executed.
    ///
    /// A name without a slash is looked for in the folders of `path`, as the system does when it starts it.
    static func fault(_ program: String, path: String) -> String? {
        if program.contains("/") { return fault(ofFile: program).map { "\(program): \($0)" } }
        // An empty entry of PATH stands for the current folder.
        let folders = path.split(separator: ":", omittingEmptySubsequences: false)
        let isThere = folders.contains { fault(ofFile: $0.isEmpty ? program : "\($0)/\(program)") == nil }
        return isThere ? nil : "\(program): no folder of PATH has such a program"
    }

    private static func fault(ofFile file: String) -> String? {
        var status = stat()
        // Safety: both calls read the null-terminated path, and stat writes the structure it is given.
        guard unsafe stat(file, &status) == 0 else {
            return errno == ENOENT ? "there is no such file" : "errno \(errno)"
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return "it is no file" }
        return unsafe access(file, X_OK) == 0 ? nil : "it may not be executed"
    }
}
