"""The store against the disk's floor, a short run. The bounds are wide: they catch a lost group commit, not noise."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import storage_bench  # noqa: E402


class Durable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        storage_bench.build()
        cls.footprint, cls.rows = storage_bench.measure(0.4, 3, os.path.join(storage_bench.ROOT, "build"))
        storage_bench.show(cls.footprint, cls.rows)

    def test_clients_that_commit_at_once_share_syncs(self):
        for row in self.rows:
            with self.subTest(clients=row["clients"]):
                self.assertGreaterEqual(row["hearth"]["per_sync"], 0.4 * row["clients"])

    def test_it_keeps_up_with_a_committer_thread(self):
        row = next(r for r in self.rows if r["clients"] == 64)
        self.assertGreaterEqual(row["to_threads"], 0.6)

    def test_it_stays_small(self):
        self.assertLessEqual(self.footprint["rss_kib"], 20 * 1024)


if __name__ == "__main__":
    unittest.main()
