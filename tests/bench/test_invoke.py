"""Cold and warm invocations beside their floors, a short run. The bounds are wide: they catch a lost mechanism, not noise."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import invoke_bench  # noqa: E402


class Invocations(unittest.TestCase):
    def test_they_stay_within_sight_of_their_floors(self):
        table, _, resident_kib = invoke_bench.measure(os.path.join(invoke_bench.ROOT, "build/release"), 0.5, 2, 6)
        self.assertEqual(6, len(table.rows))
        for row in table.rows:
            with self.subTest(what=row["what"]):
                self.assertGreater(row["floor"], 0)
                if row["unit"] == "us":
                    self.assertLess(row["ratio"], 25)
                else:
                    self.assertGreater(row["ratio"], 0.02)
        self.assertLess(resident_kib / 1024, 40)


if __name__ == "__main__":
    unittest.main()
