"""A plugin's layer in a plain script: it finds the bright quadrant of pictures."""

import keras
import numpy as np

import ogbrain


def main() -> float:
    """Trains a small model, saves and loads it; returns its accuracy."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 512)
    pictures = random.random((512, 16, 16, 1), "float32") / 2
    for picture, label in zip(pictures, labels, strict=True):
        row, column = 8 * (label // 2), 8 * (label % 2)
        picture[row : row + 8, column : column + 8] += 0.5

    keras.utils.set_random_seed(0)
    sensor = ogbrain.layers.get("attention/glimpse_sensor")(patch_size=4, scales=3)
    images, places = keras.Input((16, 16, 1)), keras.Input((2,))
    patches = keras.layers.Flatten()(sensor(images, places))
    model = keras.Model([images, places], keras.layers.Dense(4, activation="softmax")(patches))
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    centre = np.zeros((512, 2), "float32")
    model.fit([pictures, centre], labels, epochs=10, verbose=0)

    model.save("model.keras")
    again = keras.models.load_model("model.keras")  # finds the plugin by itself
    accuracy = float(again.evaluate([pictures, centre], labels, verbose=0)[1])
    print(f"accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
