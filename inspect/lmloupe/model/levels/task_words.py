"""What each task of transformers' pipelines is, in one plain sentence, with what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["TASK_WORDS"]

_WORDS = {
    "any-to-any": ("Answers text, pictures, sound and video together.", "text, images, audio, video", "text or audio"),
    "audio-classification": ("Says which of its classes a recording belongs to.", "audio", "labels with scores"),
    "automatic-speech-recognition": ("Writes down what is said in a recording.", "audio", "text"),
    "decision": ("Answers fixed questions about a text with a probability for each option.",
                 "text and questions", "options with probabilities"),
    "depth-estimation": ("Estimates how far away each pixel of a picture is.", "image", "depth for each pixel"),
    "document-question-answering": ("Finds the answer to a question on a scanned page.",
                                    "image and question", "text with a score"),
    "feature-extraction": ("Gives the last layer's numbers for each token, and no words.",
                           "text", "vectors, one a token"),
    "fill-mask": ("Fills a gap in a sentence by what stands on both sides of it.",
                  "text with a mask token", "tokens with scores"),
    "image-classification": ("Says what is in a picture, among the classes that it was trained on.",
                             "image", "labels with scores"),
    "image-feature-extraction": ("Gives the last layer's numbers for a picture, and no words.", "image", "vectors"),
    "image-segmentation": ("Cuts a picture into its things, each with a mask of pixels.", "image", "labels and masks"),
    "image-text-to-text": ("Answers a chat that has pictures in it.", "images and text", "text"),
    "keypoint-matching": ("Finds the points that two pictures of one thing share.", "two images", "pairs of points"),
    "mask-generation": ("Outlines everything in a picture that looks like one thing, without naming it.",
                        "image", "masks"),
    "object-detection": ("Draws a box around each thing that it knows in a picture.", "image", "labels and boxes"),
    "table-question-answering": ("Finds the cells of a table that answer a question.", "table and question", "cells"),
    "text-classification": ("Says which of its classes a text belongs to, such as positive or negative.",
                            "text", "labels with scores"),
    "text-generation": ("Goes on with a text, or answers a chat, one token after another.", "text or chat", "text"),
    "text-to-audio": ("Speaks a text, or makes a sound or music that it describes.", "text", "audio"),
    "token-classification": ("Gives a label to each word of a text, such as person or place.",
                             "text", "labels, one a word"),
    "video-classification": ("Says what happens in a video, among the classes that it was trained on.",
                             "video", "labels with scores"),
    "zero-shot-audio-classification": ("Says which of the labels that you name fits a recording.",
                                       "audio and labels", "labels with scores"),
    "zero-shot-classification": ("Says which of the labels that you name fits a text.",
                                 "text and labels", "labels with scores"),
    "zero-shot-image-classification": ("Says which of the labels that you name fits a picture.",
                                       "image and labels", "labels with scores"),
    "zero-shot-object-detection": ("Draws boxes around the things that you name in a picture.",
                                   "image and labels", "labels and boxes"),
}  # fmt: skip
TASK_WORDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(_WORDS)
"""The sentence, what goes in and what comes out, by the task's name."""
