"""Adam, each weight updated by one operation."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ogbrain")
class Adam(keras.optimizers.Adam):
    """Does what `keras.optimizers.Adam` does (Kingma and Ba, arXiv 1412.6980) in one pass over each weight.

    Keras composes the update of a dozen operations, each of which reads and writes tensors of the weight's size; small
    models spend much of a step there. Gradients of some rows only, of an embedding, are left to Keras, which squares
    what each use of a row adds to its gradient, not their sum.

    Example:
        >>> optimizer = Adam(1e-3)
        >>> optimizer.apply(gradients, model.trainable_variables)
    """

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        place = self._get_variable_index(variable)
        moments = [moment.value for moment in (self._momentums[place], self._velocities[place])]
        dtype, step = variable.dtype, tf.cast(self.iterations + 1, variable.dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=moments[0].handle, v=moments[1].handle, beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step), lr=tf.cast(learning_rate, dtype), beta1=beta_1, beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype), grad=tf.cast(gradient, dtype))
