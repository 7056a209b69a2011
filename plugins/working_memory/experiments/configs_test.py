from pathlib import Path

from absl.testing import absltest

from ogbrain import config as config_lib
from plugins.working_memory.experiments.algorithmic_config import AlgorithmicConfig
from plugins.working_memory.experiments.language_model_config import LanguageModelConfig
from plugins.working_memory.experiments.speech_config import SpeechConfig

FOLDER = Path(__file__).resolve().parents[1] / "configs"
CLASSES = {"algorithmic": AlgorithmicConfig, "language_model": LanguageModelConfig, "speech": SpeechConfig}


class ConfigsTest(absltest.TestCase):
    def test_files_are_accepted_and_differ_from_the_defaults(self):
        self.assertLen(list(FOLDER.glob("*.json")), len(CLASSES))
        for name, config_class in CLASSES.items():
            record = config_lib.load(FOLDER / f"{name}_gpu.json")
            self.assertEqual(record["experiment"], f"working_memory/{name}")
            self.assertNotEqual(config_lib.from_dict(config_class, record["config"]), config_class())


if __name__ == "__main__":
    absltest.main()
