"""A user's own file, understood: what its columns are, what is asked, how it is split, and what may be leaking.

    python -m harness.own '{"path": "file.csv", "target": "col", "write": true}'

    text       bytes of a text file: encoding, separator, header, whole lines block by block
    tables     csv, parquet, jsonl, ARFF -> batches of columns
    columns    one pass over the batches: what each column holds; all numbers into one file of float32
    dates      dates that are not written as ISO says
    features   each column judged, coded, told; what is left out
    target     classes or a number
    frame      columns -> what is asked, of what
    arrays     npz, svmlight, plain text          pictures  a folder of images by class
    leaks      columns that give the answer away, rows on both sides of the split
    write      the split, the card, the dataset file

Nothing is scaled or imputed, and no code rests on a statistic: categories are coded by their sorted names.
"""
