"""The run loop and what goes through it."""

from ogbrain.training.experiment import Experiment, Sums
from ogbrain.training.interruption import Interrupted
from ogbrain.training.prediction import Prediction
from ogbrain.training.run_loop import RunLoop
from ogbrain.training.supervised_experiment import SupervisedExperiment

__all__ = ["Experiment", "Interrupted", "Prediction", "RunLoop", "Sums", "SupervisedExperiment"]
