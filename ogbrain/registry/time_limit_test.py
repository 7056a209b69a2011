import signal
import threading
import time

from absl.testing import absltest

from ogbrain.registry.time_limit import TimeLimitError, time_limit


class TimeLimitTest(absltest.TestCase):
    def test_stops_what_takes_too_long_even_if_it_catches_exceptions(self):
        start = time.monotonic()
        with self.assertRaisesRegex(TimeLimitError, "took longer than 0.05 s"), time_limit(0.05):
            try:
                time.sleep(30)
            except Exception:
                time.sleep(30)
        self.assertLess(time.monotonic() - start, 10)

    def test_leaves_nothing_behind(self):
        before = signal.getsignal(signal.SIGALRM)
        with time_limit(0.05):
            self.assertIsNot(signal.getsignal(signal.SIGALRM), before)
        self.assertIs(signal.getsignal(signal.SIGALRM), before)
        with self.assertRaises(KeyError), time_limit(0.05):
            raise KeyError
        self.assertEqual(signal.getitimer(signal.ITIMER_REAL), (0.0, 0.0))
        time.sleep(0.1)

    def test_leaves_the_timer_of_somebody_else_alone(self):
        signal.setitimer(signal.ITIMER_REAL, 60)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        with time_limit(0.01):
            time.sleep(0.05)
        self.assertGreater(signal.getitimer(signal.ITIMER_REAL)[0], 50)

    def test_no_limit_outside_the_main_thread(self):
        done = []

        def work():
            with time_limit(0.01):
                time.sleep(0.05)
                done.append(True)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(done, [True])


if __name__ == "__main__":
    absltest.main()
