/// The axis of a plot. It begins at 0, ends at a round number and has a few marks with labels.
struct PlotScale: Equatable {
    /// The end of the axis, at least the greatest value.
    let end: Double
    /// Between two marks: 1, 2 or 5 times a power of ten.
    let step: Double

    /// `greatest` is the greatest value shown; the axis ends at 1 when there is none above 0.
    init(greatest: Double) {
        let greatest = greatest.isFinite && greatest > 0 ? greatest : 1
        // Five marks or fewer above 0.
        let raw = greatest / 5
        var power = 1.0
        while power * 10 <= raw { power *= 10 }
        while power > raw { power /= 10 }
        step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999_999 } ?? power * 10
        end = (greatest / step * 0.999_999).rounded(.up) * step
    }

    /// Where the marks stand.
    var marks: [Double] { (0...Int((end / step).rounded())).map { Double($0) * step } }

    /// A mark as text: no more decimals than the step needs, and k or M for thousands and millions.
    func text(_ mark: Double) -> String {
        let (unit, suffix) = end >= 2_000_000 ? (1e6, "M") : end >= 2_000 ? (1e3, "k") : (1, "")
        var decimals = 0
        var rest = step / unit
        while rest < 0.999, decimals < 6 {
            rest *= 10
            decimals += 1
        }
        return RaceColumn.text(mark / unit, decimals: decimals) + suffix
    }
}
