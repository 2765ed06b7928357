export const HELP = `countersign: images in, bought and inspected labels, an approved and live classifier out.

  npm start                         opens the studio on what is there; if nothing is, runs a sample campaign on parts
                                    that the program draws, up to the owner's approval in the browser
  npm start -- --unattended         the same, and approves by itself (recorded as automatic)

  npm start -- run <folder|campaign.yaml>
      --classes a,b,c               the classes (with --truth folders: the sub-folders' names)
      --truth folders               sub-folders name the truth that simulated people err around; the run is scored by it
      --vendors simulated|portal    who answers: simulated people (default with --truth), or people in the browser
      --approve ask|auto            ask in the browser (default), or approve when every gate passes
      --weights DIR                 pretrained weights: <architecture>/model.safetensors and manifest.json
                                    (else $COUNTERSIGN_WEIGHTS, else what timm can fetch from its hub)
      --name NAME  --seed N  --budget AMOUNT
      --json                        the last line of standard output is one JSON object
  npm start -- add <folder|archive|list> --to <campaign>   another intake: the next cycle. Archives: .zip, .tar, .tar.gz; lists
                                                   with the images beside them: CSV, JSON lines, COCO, Label Studio,
                                                   Ground Truth's augmented manifest
                                                   --to s3://bucket/campaign seals it in a deployment's bucket; cut
                                                   off, the same command goes on
      --labels none|folders|list                   labels that come with it are kept as claims: shown beside what is
                                                   bought, never counted as answers (default: a list's own)
  npm start -- data check <folder|archive|list> [--out FILE.html]   what photos are like, before there is a campaign
  npm start -- data report [<campaign>] [--out FILE.html]   the same of a campaign: checks, duplicates, conditions, classes
  npm start -- data exclude|restore <image...> --reason TEXT [--campaign NAME]   leaves images out, takes them back in
  npm start -- data accept <image...> [--campaign NAME]    flagged images that were looked at and stay
  npm start -- data accept [--campaign NAME]               the whole report, where intake.review is required: buying begins
  npm start -- data refuse --reason TEXT [--campaign NAME] nothing is bought, the cycle ends
  npm start -- export <campaign> --format F [--out PATH]   the frozen dataset, labels and photos, without the sealed test
                                                   set; F: folders, zip, tar, csv, jsonl, coco, label-studio,
                                                   ground-truth (--source-prefix s3://bucket/folder/), pytorch
  npm start -- status                              every campaign: where it stands, what it waits for
  npm start -- where <image> [--campaign NAME]     everything that happened to one image (a file's name or its sha256)
  npm start -- vendor invite <campaign> <who> --role annotator|vendor|expert|owner|data-team [--vendor ID]
  npm start -- vendor revoke <campaign> <who>
  npm start -- vendor review <campaign> [--format csv]   scorecards, what might be decided about whom and why, what looks
                                    odd, gold that is contradicted, and the AQL that the campaign's own answers propose
  npm start -- vendor credit <campaign> <lot>      a credit note over what an accepted lot owed
  npm start -- vendor recheck <campaign> <sha256>  a third expert looks at what two have decided
  npm start -- vendor pause|release|restore <campaign> <vendor> [annotator] --reason TEXT
  npm start -- vendor disputes <campaign>          each with what a third expert says of the verdict
  npm start -- vendor dispute <campaign> <vendor> <lot> [round] --reason TEXT
  npm start -- vendor adjudicate <campaign> <lot> <round> upheld|overturned --reason TEXT
  npm start -- campaign pause|resume|cancel <campaign>
  npm start -- campaign amend <campaign.yaml>
  npm start -- campaign proposal|relabel|dismiss <campaign>   what to label because real requests drift; bring it in; leave it
  npm start -- campaign releases <campaign>        what is live, what is tried beside it, and what became of all releases
  npm start -- rollback <campaign> --by NAME --reason TEXT [--to VERSION]   takes a candidate out of its trial; where
                                                   none is tried, the release before becomes live again: tried with one
                                                   request first, under the approval it once had
  npm start -- campaign audits <campaign>          how right live models were on labelled samples of real requests
  npm start -- campaign continue <campaign>        goes on without new photos: with those of failed cycles, else with the
                                                   last ones under the agreement in force (a raised budget, say)
  npm start -- statement [campaign] <vendor> [from] [to] [--format csv]   of a period: days, the last one not in it; the
                                                   campaign's name may be left out where there is one
  npm start -- invoice check [campaign] [vendor] <file.csv|json>   columns lot, units, amount, and vendor if not named
  npm start -- suspects <campaign>                 labels that the newest model doubts, with the price of a second opinion
  npm start -- report <campaign>                   what the labels cost beside the cheapest fixed redundancy
  npm start -- preview <campaign.yaml> [--images N]   before money is spent: price against the budget, calendar days,
                                    expected label quality, and the test set's size beside what the wanted margin needs
  npm start -- simulate <campaign.yaml> [--images N] [--seeds N]   price, days and quality before anybody is hired
  npm start -- predict <endpoint> <image...>
  npm start -- check <file.asl.json...>            lints workflow definitions
  npm start -- stop                                ends the host that works in the folder

Everywhere:  --work DIR (default .countersign)   --port N   --bind ADDRESS (default 127.0.0.1)   --json
             --faults crash-after@17,throttle@3   injects faults: crash-before, crash-after, duplicate, reorder, throttle,
             slow or drop at the n-th write or call; for trying what they do. seed:7:20 draws twenty by seed 7 (printed,
             so that some of them can be given again). The same command takes a crashed run up with the faults that are left
Ctrl-C leaves a state that the same command, or a plain "npm start", takes up again.
Exit codes: 0 done, 1 a defect of ours or of the machine, 2 wrong input, 3 the cycle ended without a live model,
4 the work folder is in use, 130 interrupted.`;
