/// Why a receiver does not let a request in (401, 403), as its answer tells: the words and error names of AWS
/// services, and what other receivers say of tokens.
public enum UnauthorizedReason: String, Sendable, CaseIterable {
    /// There was nothing to sign with, and nothing was sent.
    case noCredentials = "no_credentials"
    /// The session of the credentials has ended.
    case expired = "expired_token"
    /// The key is not known there, or came without its session token.
    case unknownKey = "unknown_key"
    /// The clock of this machine is wrong.
    case clockSkew = "clock_skew"
    /// Signed for another region than the workspace's.
    case wrongRegion = "wrong_region"
    /// Signed for another service than the receiver is.
    case wrongService = "wrong_service"
    /// The secret does not belong to the key, or something changed the request on its way.
    case wrongSignature = "wrong_signature"
    /// The signature is missing or incomplete, as for a path that is none of the service's.
    case notSigned = "not_signed"
    /// The policy does not allow it.
    case denied = "access_denied"
    /// The answer says nothing known.
    case other = "unauthorized"

    /// The first that fits wins: a clock that is wrong and a wrong region are told as invalid signatures,
    /// too.
    private static let words: [(UnauthorizedReason, [String])] = [
        (
            .clockSkew,
            [
                "signature expired", "signature not yet current", "requesttimetooskewed", "requestexpired",
                "request has expired", "requestinthefuture", "request time and the current time",
            ]
        ),
        (.wrongService, ["scoped to correct service", "scoped to a valid service"]),
        (
            .wrongRegion,
            ["scoped to a valid region", "scoped to correct region", "the region '", "scoped to"]
        ),
        (.expired, ["expiredtoken", "request is expired", "token has expired", "token is expired"]),
        (
            .unknownKey,
            [
                "request is invalid", "unrecognizedclient", "invalidclienttokenid", "invalidaccesskeyid",
                "access key id you provided does not exist",
            ]
        ),
        (.denied, ["not authorized to perform", "accessdenied", "access denied", "explicit deny"]),
        (
            .notSigned,
            [
                "missing authentication token", "missingauthenticationtoken", "incompletesignature",
                "requires existence of", "not a valid key=value pair",
            ]
        ),
        (.wrongSignature, ["signature we calculated", "signaturedoesnotmatch", "invalidsignature"]),
    ]

    /// The reason that `body` and the header `x-amzn-ErrorType` give.
    public static func parse(body: String, errorType: String = "") -> UnauthorizedReason {
        let text = (errorType + " " + body.prefix(RefusalReason.lookedAtBytes)).lowercased()
        for (reason, words) in words where words.contains(where: { text.contains($0) }) { return reason }
        return .other
    }

    /// `aps:RemoteWrite` of `… is not authorized to perform: aps:RemoteWrite on resource: …`; nil where the
    /// text names none.
    public static func missingAction(_ text: String) -> String? {
        let words = text.prefix(RefusalReason.lookedAtBytes).split(separator: " ")
        guard let index = words.firstIndex(of: "perform:"), index + 1 < words.count else { return nil }
        let action = words[index + 1]
        let isAction = action.utf8.allSatisfy {
            (0x30...0x3A).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        return isAction && action.contains(":") ? String(action) : nil
    }

    /// What to do about it, where the receiver said `text` to a request with such credentials; `isForbidden`
    /// where its status is 403.
    func remedy(_ text: String, _ sent: SentCredentials, isForbidden: Bool) -> String {
        guard sent != .sigv4 else { return remedy(text) }
        // A proxy may sign what this agent does not: then the receiver tells of AWS' policies all the same.
        if self == .denied, Self.missingAction(text) != nil { return remedy(text) }
        let other = sent.remedy(self, isForbidden: isForbidden)
        return self == .notSigned ? "where the receiver is AWS, \(remedy(text)); else \(other)" : other
    }

    /// The same for a request that is signed.
    private func remedy(_ text: String) -> String {
        switch self {
        case .noCredentials: return "give the agent credentials and a region; narthex credentials says more"
        case .expired:
            return "they are fetched anew at once; where it stays, look at what renews the credentials"
        case .unknownKey: return "look at the key and its session token: the receiver does not know them"
        case .clockSkew: return "set the clock; until then requests are signed by the receiver's"
        case .wrongRegion: return "set sigv4.region to the region of the workspace"
        case .wrongService: return "set sigv4.service_name as the receiver says; aps is that of a workspace"
        case .wrongSignature: return "look at the secret key, and at proxies that change headers"
        case .notSigned: return "give the entry a sigv4 block, and look at the path in its url"
        case .denied:
            let action = Self.missingAction(text) ?? "the write"
            return "allow \(action) on the workspace in the policy of these credentials (see config/iam)"
        case .other: return "look at the credentials of the entry; narthex doctor says more"
        }
    }
}
