import Testing

@testable import Agent
@testable import WriteAheadBuffer

struct SurveyPageTests {
    private func verdict(_ change: (inout BufferSurvey) -> Void) -> String {
        var survey = BufferSurvey()
        survey.density.samples = 1_059_220
        change(&survey)
        return SurveyPage(survey: survey, directory: "d", nowMs: 0).verdict
    }

    @Test func theEndOfAVerdictSaysWhatIsLeftAndWhatIsLost() {
        let all = "0 segments, 0 cursors; 1059220 samples can be read"
        #expect(verdict { _ in } == "\(all): no damage\n")
        let lost = verdict {
            $0.lost = ["node": 180_180]
            $0.isDamaged = true
        }
        #expect(lost == "\(all), 180180 are lost (job node 180180): damaged\n")
        let least = verdict {
            $0.lost = ["a\u{7}": 1]
            $0.mayHaveLostMore = true
            $0.isDamaged = true
        }
        #expect(least == "\(all), at least 1 is lost (job a\\u{7} 1): damaged\n")
        let unknown = verdict {
            $0.mayHaveLostMore = true
            $0.isUnreadable = true
        }
        #expect(unknown == "\(all), how many are lost is not known: not all could be read\n")
        let absent = verdict { $0.absent = ["b": 2, "a": 2, "c": 30] }
        #expect(
            absent == "\(all), 34 stood in segments that are not in the directory "
                + "(job c 30, job a 2, job b 2): no damage\n")
    }

    @Test func onlyTheJobsThatLoseMostAreNamed() {
        let text = verdict { survey in
            for job in 0..<SurveyPage.mostJobs + 2 { survey.lost["j\(job)"] = UInt64(100 - job) }
        }
        #expect(text.contains(", job j7 93 and 2 more jobs)") && !text.contains("j8"))
    }
}
