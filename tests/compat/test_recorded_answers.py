"""What AWS answered to recorded calls, and what Hearth answers: error codes, messages, statuses, members."""
import json
import os
import unittest

import hearth
import tools


@unittest.skipUnless(tools.current_python(), "no boto3 of today (1.40 or newer) on this machine")
class RecordedAnswers(unittest.TestCase):
    def test_every_case_is_answered_as_aws_answered_it(self):
        with hearth.Server() as server:
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded_answers.py")
            lines = tools.run([tools.current_python(), script, server.url], timeout=300).stdout.splitlines()
        results = [json.loads(line) for line in lines]
        self.assertGreater(len(results), 60)
        for result in results:
            with self.subTest(case=result["case"]):
                self.assertEqual([], result["wrong"])


if __name__ == "__main__":
    unittest.main()
