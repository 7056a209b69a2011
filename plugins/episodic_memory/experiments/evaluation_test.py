"""Tests of evaluation and of playing."""

import io

import av
import numpy as np
from absl.testing import absltest
from PIL import Image

from ogbrain.training.prediction import animation_kind
from plugins.episodic_memory.environments.make import make_environments
from plugins.episodic_memory.environments.picture import observation_picture
from plugins.episodic_memory.experiments.agent_config import AgentConfig
from plugins.episodic_memory.experiments.evaluation import evaluate, greedy, play
from plugins.episodic_memory.experiments.human_scores import SCORES, human_normalized
from plugins.episodic_memory.experiments.playing import play_episode

SPECIMENS = "plugins.episodic_memory.environments.specimens:"


class Knows:
    """Plays what the observation shows."""

    def values(self, observations, training=False):
        assert not training
        return np.stack([-observations[:, 0], observations[:, 0]], 1)


def pays(count):
    return make_environments(AgentConfig(env=SPECIMENS + "Pays"), count)


class EvaluationTest(absltest.TestCase):
    def test_greedy(self):
        rng = np.random.default_rng(0)
        values = np.tile([1.0, 3.0, 3.0, -np.inf], (4000, 1))
        counts = np.bincount(greedy(values, 0.0, rng), minlength=4) / 4000
        np.testing.assert_allclose(counts, [0, 0.5, 0.5, 0], atol=0.03)
        counts = np.bincount(greedy(values, 0.4, rng), minlength=4) / 4000
        np.testing.assert_allclose(counts, [0.1, 0.4, 0.4, 0.1], atol=0.03)
        self.assertEqual(set(greedy(np.full((100, 2), np.inf), 0.0, rng)), {0, 1})

    def test_each_environment_plays_its_share(self):
        scores, lengths = play(Knows(), pays(2), episodes=5, epsilon=0.0, seed=1)
        np.testing.assert_array_equal(scores, np.full(5, 10.0))
        np.testing.assert_array_equal(lengths, np.full(5, 10))

    def test_interval(self):
        figures = evaluate(Knows(), pays(4), 40, 0.5, 2, "Pays")
        scores, _ = play(Knows(), pays(4), 40, 0.5, 2)
        self.assertEqual(figures["return"], scores.mean())
        self.assertAlmostEqual(figures["return_high"] - figures["return"], 1.96 * scores.std(ddof=1) / 40**0.5)
        self.assertGreater(figures["return"], figures["return_low"])
        self.assertNotIn("human_normalized", figures)
        self.assertEqual(evaluate(Knows(), pays(1), 1, 0.0, 2, "ALE/Boxing-v5")["human_normalized"], 9.9 / 12)

    def test_human_scores(self):
        self.assertLen(SCORES, 57)
        self.assertAlmostEqual(human_normalized("ALE/MsPacman-v5", 307.3), 0.0)
        self.assertIsNone(human_normalized("CartPole-v1", 3.0))

    def test_an_episode_drawn(self):
        episode = play_episode(Knows(), pays(1), 0.0, 3)
        self.assertEqual((episode.scores.sum(), len(episode.actions)), (10.0, 10))
        with Image.open(io.BytesIO(episode.film(["left", "right"]))) as animation:
            self.assertEqual(animation.n_frames, 10)
        film = episode.film(["left", "right"], "mp4")
        self.assertEqual([animation_kind(film), animation_kind(episode.film(["left", "right"]))], ["mp4", "gif"])
        with av.open(io.BytesIO(film)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        self.assertLen(frames, 10)
        drawn = episode.frame(9, ["left", "right"])
        self.assertLess(np.abs(frames[9][: drawn.shape[0], : drawn.shape[1]].astype(int) - drawn).mean(), 12)
        self.assertFalse((episode.frame(0, ["left", "right"]) == episode.frame(9, ["left", "right"])).all())

    def test_pictures_of_observations(self):
        one = np.zeros((10, 10, 4), bool)
        one[2, 3, 1] = True
        picture = observation_picture(one)
        self.assertEqual((picture.shape, picture.dtype), ((160, 160, 3), np.uint8))
        self.assertTrue(picture[2 * 16 + 5, 3 * 16 + 5].any())
        self.assertEqual(np.count_nonzero(picture.any(-1)), 16 * 16)
        stack = np.zeros((4, 84, 84), np.uint8)
        stack[-1, 0, 0] = 255
        self.assertTrue((observation_picture(stack, stacked=4)[0, 0] == 255).all())
        self.assertTrue(observation_picture(np.array([0.5, -1.0])).any())


if __name__ == "__main__":
    absltest.main()
