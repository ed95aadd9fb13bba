public import Platform

/// The files that a path means whose last part may be a pattern.
public enum GlobPaths {
    /// The paths that `pattern` names now, sorted; a plain path names itself, there or not.
    public static func matching(_ pattern: String, files: any FileDoor) throws(DiscoveryError) -> [String] {
        let name = String(pattern.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
        guard Glob.isPattern(name) else { return [pattern] }
        let glob = try Glob(name)
        let folder = folder(of: pattern)
        do throws(FileError) {
            guard let status = try files.status(folder) else { return [] }
            guard status.isDirectory else {
                throw FileError(operation: "list", path: folder, errno: 0, message: "not a folder")
            }
            let prefix =
                pattern.hasPrefix("/") || folder != "." ? String(pattern.dropLast(name.utf8.count)) : ""
            return try files.list(folder).filter(glob.matches).map { prefix + $0 }
        } catch {
            throw DiscoveryError(.badGlob, error.description, place: pattern)
        }
    }

    /// Whether `pattern` names `path`, there or not.
    public static func matches(_ path: String, _ pattern: String) throws(DiscoveryError) -> Bool {
        let name = String(pattern.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
        guard Glob.isPattern(name) else { return path == pattern }
        let last = String(path.split(separator: "/", omittingEmptySubsequences: false).last ?? "")
        guard path.dropLast(last.count) == pattern.dropLast(name.count) else { return false }
        return try Glob(name).matches(last)
    }

    /// The folder a path lies in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
