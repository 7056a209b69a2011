import os
import sys
import time

from absl.testing import absltest

from ogbrain.registry.time_limit import TimeLimitError
from ogbrain.registry.trial import InterpreterEndedError, trial


class TrialTest(absltest.TestCase):
    def test_what_ends_well_or_raises_is_no_concern(self):
        trial(lambda: print("not shown"), 5.0)
        trial(lambda: sys.exit(3), 5.0)
        trial(lambda: 1 / 0, 5.0)

    def test_what_ends_the_interpreter(self):
        with self.assertRaisesRegex(InterpreterEndedError, r"ends the interpreter \(exit code 3\)"):
            trial(lambda: os._exit(3), 5.0)
        with self.assertRaisesRegex(InterpreterEndedError, r"\(signal 6\)"):
            trial(os.abort, 5.0)

    def test_what_hangs_and_catches_everything(self):
        def stubborn():
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass

        with self.assertRaisesRegex(TimeLimitError, "longer than 0.2 s"):
            trial(stubborn, 0.2)


if __name__ == "__main__":
    absltest.main()
