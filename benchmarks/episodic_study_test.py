"""Tests of the table and the picture of the episodic agents."""

import dataclasses
import io

from absl.testing import absltest
from matplotlib.image import imread

from benchmarks.episodic_picture import draw_returns
from benchmarks.episodic_study import AGENTS, GAMES, make_config, table

ROWS = [
    {"game": "Breakout", "agent": "nec", "seed": 0, "half": 6.0, "all": 10.0},
    {"game": "Breakout", "agent": "nec", "seed": 1, "half": 8.0, "all": 9.0},
    {"game": "Freeway", "agent": "mfec", "seed": 0, "half": 0.5, "all": 1.0},
]


class EpisodicStudyTest(absltest.TestCase):
    def test_table_has_means_and_ranges_and_is_empty_where_nothing_ran(self):
        self.assertEqual(
            table(ROWS, 1_000),
            [
                "| game, frames | nec | mfec |",
                "| --- | --- | --- |",
                "| Breakout, 500 | 7.0 (6.0-8.0) |  |",
                "| Breakout, 1,000 | 9.5 (9.0-10.0) |  |",
                "| Freeway, 500 |  | 0.5 |",
                "| Freeway, 1,000 |  | 1.0 |",
            ],
        )

    def test_picture_shows_what_it_is_given(self):
        first, other = (imread(io.BytesIO(draw_returns(rows, 1_000))) for rows in (ROWS, ROWS[:2]))
        self.assertEqual(first.shape[2], 4)
        self.assertGreater(first.shape[1], other.shape[1])  # a panel for each game

    def test_all_agents_play_the_same_frames(self):
        for game in (*GAMES, "Pong"):
            configs = [make_config(agent, game, 3, 1_000) for agent in AGENTS]
            played = {(config.env, config.seed, config.epochs, config.steps_per_epoch) for config in configs}
            self.assertEqual(len(played), 1)
            self.assertEqual({config.epochs * config.steps_per_epoch for config in configs}, {1_000})

    def test_moved_pictures_are_all_that_differs(self):
        moved = {"shift": 1}
        pairs = (("nec", "shifted_nec", {**moved, "prioritized": True}), ("plain_dqn", "shifted_dqn", moved),
                 ("plain_prioritized", "shifted_prioritized", moved))  # fmt: skip
        for game in ("Asterix", "Pong"):
            for name, other, changes in pairs:
                config = make_config(name, game, 0, 1_000)
                self.assertEqual(dataclasses.replace(config, **changes), make_config(other, game, 0, 1_000))

    def test_on_pong_all_that_learn_do_so_at_one_rate(self):
        rates = set()
        for agent in ("nec", "plain_dqn", "plain_prioritized", "prioritized"):
            config = make_config(agent, "Pong", 0, 1_000)
            rates.add((config.optimizer, config.exploration_steps, config.final_epsilon, config.evaluation_epsilon))
        self.assertEqual(len(rates), 1)


if __name__ == "__main__":
    absltest.main()
