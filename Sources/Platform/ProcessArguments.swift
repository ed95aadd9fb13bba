internal import CPlatform

/// The words that this process was started with.
///
/// Swift's CommandLine.arguments walks back from `environ`, in a program that holds its own Swift runtime.
/// A library that is loaded before it (a tracing injector, libfaketime) and calls setenv moves `environ`,
/// and then the arguments are none. These are the ones that main gets.
public enum ProcessArguments {
    /// A word that cannot be read as text.
    public struct Fault: Error, Equatable, CustomStringConvertible {
        /// In a sentence. It does not show the word's value, which may be a secret.
        public let description: String
    }

    /// The program as it was called, for instance `/usr/bin/narthex`; empty when the caller gave no word at
    /// all.
    public static var program: String { raw.first.map { String(decoding: $0, as: UTF8.self) } ?? "" }

    /// The words behind the program's name, empty ones among them.
    public static func words() throws(Fault) -> [String] { try texts(Array(raw.dropFirst())) }

    /// The words as texts. `raw` begins with the first argument, number 1.
    static func texts(_ raw: [[UInt8]]) throws(Fault) -> [String] {
        var result: [String] = []
        for (index, bytes) in raw.enumerated() {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Fault(
                    description: "argument \(index + 1)\(flag(bytes)) is not valid UTF-8; write it in UTF-8")
            }
            result.append(text)
        }
        return result
    }

    /// The flag's name, where the word is a flag with a value and the name can be read.
    private static func flag(_ bytes: [UInt8]) -> String {
        let name = bytes.prefix { $0 != UInt8(ascii: "=") }
        guard name.first == UInt8(ascii: "-"), name.count < bytes.count,
            name.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return "" }
        return " (\(String(decoding: name, as: UTF8.self)))"
    }

    private static var raw: [[UInt8]] {
        (0..<narthex_argument_count()).map { index in
            var bytes: [UInt8] = []
            // Safety: the word ends with a null byte and stays in place until the process ends.
            guard var next = unsafe narthex_argument(index) else { return bytes }
            while unsafe next.pointee != 0 {
                bytes.append(UInt8(bitPattern: unsafe next.pointee))
                unsafe next += 1
            }
            return bytes
        }
    }
}
